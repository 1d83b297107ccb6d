import { describe, expect, test } from 'vitest'
import { load, minimal, problemsOf } from './load.ts'

interface Parts {
  readonly integration?: string
  readonly auth?: string
  readonly provisioner?: string
  readonly rest?: string
}

const certificate = '{ method: certificate, ca_certificate: a, ca_key: b }'

function yaml({
  integration = 'map_principal: true',
  auth = certificate,
  provisioner = 'provisioner: { role: maker }',
  rest = '',
}: Parts): string {
  return `${minimal}
integrations:
  people:
    issuer: https://a.example
    client_id: x
    provisioning: { enabled: true }
    ${integration}
databases:
  system: { integrations: [people] }
  app:
    upstream:
      host: 127.0.0.1
      auth: ${auth}
      ${provisioner}
${rest}`
}

const problems = (parts: Parts): readonly string[] =>
  problemsOf(yaml(parts)).map((one) => one.replace(/^\d+:\d+: /, ''))

describe('provisioning', () => {
  test.each([
    {},
    { auth: '{ method: trust }' },
    { auth: '{ method: token }', provisioner: 'provisioner: { role: maker, password: x }' },
    { integration: `principal_regex: '^(.*)@a\\.example$'` },
    { integration: '', rest: 'identity_map: https://a.example /^(.*)$ \\1' },
    // Who is switched off makes nobody.
    { integration: 'enabled: false', auth: '{ method: trust }', provisioner: '' },
  ])('is right as %j', (parts) => {
    expect(problems(parts)).toEqual([])
  })

  test.each<[string, Parts, string]>([
    [
      'a name for the role',
      { integration: '' },
      'integrations.people.provisioning: needs `map_principal: true`, a `principal_regex` or lines in `identity_map`: they say what the role of somebody is called',
    ],
    [
      'somebody who makes roles',
      { provisioner: '' },
      'databases.app.upstream: needs `provisioner`: integration "people" has `provisioning`',
    ],
    [
      'another method than password',
      {
        auth: '{ method: password, passwords: {} }',
        provisioner: 'provisioner: { role: maker, password: x }',
      },
      'databases.app.upstream.auth.method: must not be "password": integration "people" has `provisioning`, and the roles that it makes have no password. Use "certificate"',
    ],
    [
      'a password of the provisioner, where tokens are passed on',
      { auth: '{ method: token }' },
      'databases.app.upstream.provisioner: needs a `password`: there is none by the method "token"',
    ],
    [
      'a provisioner that nobody is by a group',
      { rest: 'groups: { makers: { role: maker } }' },
      'groups.makers.role: must not be the `provisioner` of database "app": who is in the group could make roles',
    ],
  ])('needs %s', (_, parts, problem) => {
    expect(problems(parts)).toEqual([problem])
  })

  test('is off, and has its defaults', () => {
    const { config } = load(yaml({}))
    expect(config.integrations['people']?.provisioning).toEqual({ enabled: true, sync: 'granted' })
    expect(config.databases['app']?.upstream?.provisioner).toEqual({
      role: 'maker',
      connections: 2,
    })
    const off = load(
      yaml({ integration: 'map_principal: true' }).replace(/ *provisioning:.*\n/, ''),
    )
    expect(off.config.integrations['people']?.provisioning.enabled).toBe(false)
  })

  test('is no matter of databases that its integration does not open', () => {
    const rest = `  other:
    integrations: [others]
    upstream: { host: 127.0.0.1, auth: { method: password, passwords: { x: y } } }
`
    const others = '  others: { issuer: "https://b.example", client_id: x, map_principal: true }\n'
    const text = yaml({ rest }).replace('databases:\n', `${others}databases:\n`)
    expect(problemsOf(text)).toEqual([])
  })
})
