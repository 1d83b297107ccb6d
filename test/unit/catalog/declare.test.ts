import { expect, test } from 'vitest'
import {
  exportSections,
  planSections,
  readSections,
  shownChanges,
} from '../../../src/catalog/declare.ts'
import { editText, readWritten } from '../../../src/config/index.ts'

const text = `node: gw0 # here
audit: { sink: none }
# who may
groups:
  readonly: { role: app_readonly } # look
databases:
  sandbox:
    upstream:
      host: db
      auth: { method: password, passwords: { app: 'hidden', other: "\${file:/x}" } }
`

const after = (sections: string): string =>
  editText(text, planSections(readWritten(text), readSections(sections))).text

test('a section is what the file says, and what the file does not have stays', () => {
  const wanted = '  readwrite:\n    role: rw'
  expect(after('groups: { readwrite: { role: rw } }\n')).toBe(
    text.replace('  readonly: { role: app_readonly } # look', wanted),
  )
})

test('references are references', () => {
  const changed = after('databases: { sandbox: { upstream: { host: "${env:HOST}" } } }\n')
  expect(readWritten(changed)['databases']).toEqual({
    sandbox: { upstream: { host: '${env:HOST}' } },
  })
})

test('what was exported changes nothing, and its secrets stay', () => {
  const exported = exportSections(text)
  expect(exported).not.toContain('hidden')
  expect(exported).not.toMatch(/node|audit/)
  expect(exported).toContain('${file:/x}')
  expect(exported).toContain('# look')
  expect(after(exported)).toBe(text)
})

test('a secret that is masked and not there is asked for', () => {
  const sections =
    'databases: { other: { upstream: { auth: { passwords: { new: "********" } } } } }'
  expect(() => after(sections)).toThrow(
    'databases.other.upstream.auth.passwords.new is masked, and there is none yet',
  )
})

test('what is of the node is refused', () => {
  expect(() => readSections('audit: { sink: none }')).toThrow('audit is not of the catalog')
  expect(() => readSections('- a')).toThrow('it is no mapping')
})

test('an empty section takes the section away', () => {
  expect(readWritten(after('groups:\n'))).not.toHaveProperty('groups')
})

test('what is shown of a change has no secret', () => {
  const [before, later] = [readWritten(text), readWritten(text.replace('hidden', 'hidden-2'))]
  expect(shownChanges(before, later)).toEqual([
    {
      path: 'databases.sandbox.upstream.auth.passwords.app',
      before: '********',
      after: '********',
    },
  ])
})
