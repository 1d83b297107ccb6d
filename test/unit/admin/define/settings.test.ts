import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { listedSettings } from '../../../../src/admin/define/cluster-settings.ts'
import { clusterSettings } from '../../../../src/admin/grammar/properties.ts'
import { jsonSchema } from '../../../../src/config/index.ts'
import { answerTo, carryOut, faultOf } from '../../../support/define-catalog.ts'
import { emptyInstallation, MemoryCatalog } from '../../../support/memory-catalog.ts'

const jwt = 'server.jwt_authentication'

let catalog: MemoryCatalog

beforeEach(() => {
  catalog = new MemoryCatalog(emptyInstallation, {}, { ON: 'on' })
})

afterEach(() => {
  catalog[Symbol.dispose]()
})

describe('SET CLUSTER SETTING', () => {
  test.each<[string, string, unknown]>([
    [`${jwt}.enabled=on`, `${jwt}.enabled`, true],
    [`${jwt}.enabled = 'off'`, `${jwt}.enabled`, 'off'],
    [`${jwt}.audience TO "a"`, `${jwt}.audience`, 'a'],
    [`${jwt}.audience = '["a","b"]'`, `${jwt}.audience`, '["a","b"]'],
    [`${jwt}.issuers = ''`, `${jwt}.issuers`, ''],
    [`${jwt}.client.timeout = '10s'`, `${jwt}.client.timeout`, '10s'],
    [
      `server.identity_map.configuration = 'https://a.example x y'`,
      'server.identity_map.configuration',
      'https://a.example x y',
    ],
  ])('writes %s', async (text, name, value) => {
    expect(await answerTo(catalog, `SET CLUSTER SETTING ${text}`)).toMatchObject({
      tag: 'SET CLUSTER SETTING',
    })
    expect(catalog.tree['settings']).toEqual({ [name]: value })
  })

  test('says what is missing until everything is there', async () => {
    const missing = async (setting: string): Promise<readonly string[]> =>
      ((await answerTo(catalog, `SET CLUSTER SETTING ${jwt}.${setting}`)).notices ?? []).map(
        ({ message }) => message.replaceAll(`${jwt}.`, ''),
      )
    const needs = 'settings["enabled"]: lets nobody in yet: it needs'
    expect(await missing('enabled = on')).toEqual([
      `${needs} \`issuers.configuration\`; \`audience\`; \`jwks\` with a key, or \`jwks_auto_fetch.enabled\``,
    ])
    expect(await missing(`issuers = 'https://a.example'`)).toEqual([
      `${needs} \`audience\`; \`jwks\` with a key, or \`jwks_auto_fetch.enabled\``,
    ])
    expect(await missing(`audience = 'a'`)).toEqual([
      `${needs} \`jwks\` with a key, or \`jwks_auto_fetch.enabled\``,
    ])
    expect(await missing('jwks_auto_fetch.enabled = true')).toEqual([])
  })

  test('is the same by the old name of a setting and by the new one', async () => {
    await carryOut(
      catalog,
      `SET CLUSTER SETTING ${jwt}.issuers = 'https://a.example';
       SET CLUSTER SETTING ${jwt}.issuers.configuration = 'https://b.example'`,
    )
    expect(catalog.tree['settings']).toEqual({ [`${jwt}.issuers`]: 'https://b.example' })
    await carryOut(catalog, `RESET CLUSTER SETTING ${jwt}.issuers.configuration`)
    expect(catalog.tree['settings']).toEqual({})
  })

  test.each([
    [`${jwt}.jwks = 'x'`, 'JWT authentication JWKS not a valid JWKS'],
    [`${jwt}.group_claim = 'https://x/groups'`, 'JWT authentication: contains invalid characters'],
    [`${jwt}.issuers = '{"other": 1}'`, 'JWT authentication: issuers JSON not valid'],
    ["server.oidc_authentication.scopes = 'email'", 'Missing `openid` scope which is required'],
    ["server.oidc_authentication.provider_url = 'auth.example'", 'must be an https URL'],
  ])('refuses %s', async (text, message) => {
    const fault = await faultOf(catalog, `SET CLUSTER SETTING ${text}`)
    expect(fault.message).toContain(message)
    expect(fault.position).toBe(1)
    expect(catalog.tree).toEqual(emptyInstallation)
  })
})

describe('SHOW CLUSTER SETTING', () => {
  test.each<[string, string, string, unknown]>([
    ['a flag', 'enabled', 'bool', true],
    ['a text', 'audience', 'text', 'a'],
    ['a duration', 'client.timeout', 'text', '15s'],
    ['an old name', 'issuers', 'text', 'https://a.example'],
    ['a new name', 'issuers.configuration', 'text', 'https://a.example'],
    ['a default', 'jwks', 'text', '{"keys":[]}'],
    ['what comes from elsewhere', 'authorization.enabled', 'bool', null],
  ])('shows %s', async (_, name, type, value) => {
    using own = new MemoryCatalog(
      {
        ...emptyInstallation,
        settings: {
          [`${jwt}.enabled`]: 'on',
          [`${jwt}.audience`]: 'a',
          [`${jwt}.issuers`]: 'https://a.example',
          [`${jwt}.authorization.enabled`]: '${env:ON}',
        },
      },
      {},
      { ON: 'on' },
    )
    expect(await answerTo(own, `SHOW CLUSTER SETTING ${jwt}.${name}`)).toEqual({
      tag: 'SHOW',
      table: { columns: [{ name: `${jwt}.${name}`, type }], rows: [[value]] },
    })
  })

  test('of all of them has the columns of CockroachDB', async () => {
    await carryOut(catalog, `SET CLUSTER SETTING ${jwt}.enabled = on`)
    const { table } = await answerTo(catalog, 'SHOW ALL CLUSTER SETTINGS')
    expect(table?.columns.map(({ name }) => name)).toEqual([
      ...['variable', 'value', 'setting_type', 'public', 'description', 'default_value', 'origin'],
    ])
    const rows = new Map(table?.rows.map((row) => [row[0], row]))
    expect(rows.get(`${jwt}.enabled`)).toEqual([
      ...[`${jwt}.enabled`, 'true', 'b', true, 'whether tokens log in', 'false', 'override'],
    ])
    expect(rows.get(`${jwt}.claim`)?.slice(-2)).toEqual(['', 'default'])
  })

  test('knows every setting that the configuration has, with its default', () => {
    const names = Object.keys(clusterSettings).filter(
      (name) => name !== `${jwt}.issuers` && name !== 'server.oidc_authentication.autologin',
    )
    expect(Object.keys(listedSettings).sort()).toEqual(names.sort())
    const { properties } = jsonSchema() as {
      readonly properties: {
        readonly settings: { readonly properties: Readonly<Record<string, { default?: unknown }>> }
      }
    }
    for (const [name, { default: shown }] of Object.entries(listedSettings)) {
      const its = properties.settings.properties[name]?.default ?? ''
      expect({ name, default: shown }).toEqual({
        name,
        default: typeof its === 'boolean' ? String(its) : its,
      })
    }
  })
})
