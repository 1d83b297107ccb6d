import { expect, test } from 'vitest'
import { load, minimal, problemsOf } from './load.ts'

const key = Buffer.alloc(32, 7).toString('base64')
const verifier = `SCRAM-SHA-256$4096:c2FsdA==$${key}:${key}`

const withConsole = (section: string): string => `${minimal}
groups: { dba: { role: app } }
console: ${section}
`

test.each([
  ['{}', {}],
  ['{ admin_groups: [dba], stats_groups: [dba] }', { admin_groups: ['dba'] }],
  ['{ users: { root: { secret: pencil } } }', { users: { root: { right: 'stats' } } }],
  [`{ users: { root: { secret: '${verifier}', right: admin } } }`, {}],
  ['{ unix_socket: admin }', { unix_socket: 'admin' }],
])('the console may be %s', (section, expected) => {
  expect(load(withConsole(section)).config.console).toMatchObject(expected)
})

test.each([
  ['{ admin_groups: [dbb] }', 'group "dbb" does not exist; did you mean "dba"?'],
  ['{ stats_groups: [nobody] }', 'group "nobody" does not exist'],
  ['{ admins: [dba] }', 'admins'],
  ['{ users: { root: { right: admin } } }', 'secret'],
  ['{ users: { root: { secret: x, right: all } } }', 'right'],
  ['{ users: { id_token: { secret: x } } }', 'choose another name'],
  ['{ users: { "sso@system": { secret: x } } }', 'choose another name'],
  [`{ users: { root: { secret: '${verifier.slice(0, -1)}' } } }`, 'must be a whole verifier'],
  ['{ unix_socket: everybody }', 'unix_socket'],
])('the console may not be %s', (section, problem) => {
  expect(problemsOf(withConsole(section)).join('\n')).toContain(problem)
})

const local = (mode: string): string => `${minimal}  local:
    participants:
      - { node: gw0, socket_directory: run, listen_port: 6432, socket_mode: "${mode}" }
`

test('a Unix socket that a group may open is not the gate of the console', () => {
  const open = `${local('0660')}console: { unix_socket: stats }\n`
  expect(problemsOf(open).join('\n')).toContain(
    'connectivity_pools.local.participants[0].socket_mode: must be "0600" where `console.unix_socket` is "stats"',
  )
  expect(problemsOf(`${local('0600')}console: { unix_socket: stats }\n`)).toEqual([])
  expect(problemsOf(`${local('0660')}console: { unix_socket: none }\n`)).toEqual([])
})
