import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { parseDenyFile, readDenyFile } from '../../../src/config/index.ts'

const hash = 'a'.repeat(64)

describe('a deny file', () => {
  test('is a list of entries in YAML', () => {
    const text = `
- issuer: https://auth.example.com
  subject: auth0|alice
  until: 2026-12-31T18:00:00+01:00
  reason: left
- { principal: bob@example.com }
- { group: interns }
- { role: app_readonly }
- { token_id: one }
- { token_id_hash: ${hash} }
- { address: 10.0.0.0/8 }
`
    expect(parseDenyFile(text)).toEqual([
      {
        issuer: 'https://auth.example.com',
        subject: 'auth0|alice',
        until: Date.parse('2026-12-31T17:00:00Z'),
        reason: 'left',
      },
      { principal: 'bob@example.com' },
      { group: 'interns' },
      { role: 'app_readonly' },
      { token_id: 'one' },
      { token_id_hash: hash },
      { address: '10.0.0.0/8' },
    ])
  })

  test('is a list of entries in JSON', () => {
    expect(parseDenyFile('[{"subject": "${env:HOME}"}]')).toEqual([{ subject: '${env:HOME}' }])
    expect(parseDenyFile('[]')).toEqual([])
  })

  test.each([
    ['nothing', '', /must be a list of entries; \[\] denies nobody/],
    ['a mapping', 'subject: alice', /must be a list/],
    ['half a list', '[{"subject": "alice"', /neither YAML nor JSON/],
    ['an entry that names nobody', '- reason: left', /entry 1: must say who is denied/],
    ['an unknown key', '- { subject: a }\n- { subjekt: alice }', /entry 2: subjekt: unknown key/],
    ['a number', '- subject: 1234', /entry 1: subject must be a string: put the value in quotes/],
    ['an empty name', '- subject: ""', /entry 1: subject must be a string that is not empty/],
    ['no address', '- address: home', /entry 1: address must be an address/],
    [
      'a time without a zone',
      '- { role: a, until: "2026-12-31T18:00:00" }',
      /until must be a time/,
    ],
    ['a day', '- { role: a, until: 2026-12-31 }', /until must be a time/],
    [
      'two ids of a token',
      `- { token_id: a, token_id_hash: ${hash} }`,
      /token_id or token_id_hash/,
    ],
    ['no hash', '- token_id_hash: abc', /token_id_hash must be a SHA-256 in hex/],
    ['a key twice', '- { role: a, role: b }', /neither YAML nor JSON \(DUPLICATE_KEY\)/],
    ['an alias', '- &a { role: a }\n- *a', /it has aliases/],
  ])('with %s is not used', (_, text, problem) => {
    expect(() => parseDenyFile(text)).toThrow(problem)
  })
})

describe('the path of a deny file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-deny-'))
  afterAll(() => {
    rmSync(folder, { recursive: true })
  })

  test('is in the error, whatever is wrong with the file', () => {
    const path = join(folder, 'deny.yaml')
    expect(() => readDenyFile(path)).toThrow(`deny_file ${path} does not exist`)
    writeFileSync(path, 'x')
    expect(() => readDenyFile(path)).toThrow(`deny_file ${path} is not used, must be a list`)
    writeFileSync(path, ' '.repeat(1024 * 1024 + 1))
    expect(() => readDenyFile(path)).toThrow(`deny_file ${path} is longer than 1024 KiB`)
  })
})
