// SHOW CREATE prints what makes the thing again, whatever it is called and whatever it has.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Written, WrittenMap } from '../../src/admin/catalog-home.ts'
import { printName } from '../../src/admin/grammar/print.ts'
import { answerTo, carryOut } from '../support/define-catalog.ts'
import { emptyInstallation, literally, MemoryCatalog } from '../support/memory-catalog.ts'

const secret = "it's"
const installation: WrittenMap = {
  ...emptyInstallation,
  default_upstream: { host: '10.0.0.5', auth: { method: 'trust' } },
}

const plainNames = ['a', 'b-1', 'C.d', 'select', 'pool_4', 'sso', 'node', '7']
const anyNames = [...plainNames, 'two words', 'quo"te', 'Größe', "o'clock", '${env:HOME}', 'if']

const words = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
  fc.constantFrom('true', '12', '********', '${file:x}', 'a\nb', '-- no', "'", '"', '\\', '$1'),
)
const texts = words.filter((text) => !text.includes('\0'))
const claims = fc.constantFrom('groups', 'https://example.com/groups', '/realm/roles', "it's")

/** Keys that may be left out. */
function some(shape: Readonly<Record<string, fc.Arbitrary<Written>>>): fc.Arbitrary<WrittenMap> {
  return fc.record(shape, { requiredKeys: [] }) as fc.Arbitrary<WrittenMap>
}

function entries<T extends Written>(
  names: readonly string[],
  of: fc.Arbitrary<T>,
  most = 3,
): fc.Arbitrary<Readonly<Record<string, T>>> {
  return fc
    .uniqueArray(fc.tuple(fc.constantFrom(...names), of), {
      maxLength: most,
      selector: ([name]) => name.toLowerCase(),
    })
    .map((pairs) => Object.fromEntries(pairs))
}

const oneOf = (names: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...names)

const grants = fc.uniqueArray(
  fc.tuple(
    fc.constantFrom('sandbox', 'not there', 'q"'),
    fc.uniqueArray(fc.constantFrom('USE', 'SELECT', 'VIEW TABLE', 'CREATE SCHEMA'), {
      minLength: 1,
    }),
  ),
  { minLength: 1, selector: ([database]) => database },
)

const groups = entries(
  anyNames,
  some({
    role: texts,
    rank: fc.integer({ min: -1000, max: 1000 }),
    allow_superuser: fc.boolean(),
    grants: grants.map((all) =>
      all.map(([database, privileges]) => {
        const name = /^\w+$/.test(database) ? database : `"${database.replaceAll('"', '""')}"`
        return `${privileges.join(', ')} ON DATABASE ${name}`
      }),
    ),
  }),
)

function integrations(groupNames: readonly string[]): fc.Arbitrary<Record<string, WrittenMap>> {
  const ofGroups =
    groupNames.length === 0
      ? {}
      : {
          default_group: oneOf(groupNames),
          groups_claim_mappings: fc.dictionary(texts, oneOf(groupNames), { maxKeys: 3 }),
        }
  return entries(
    plainNames,
    some({
      enabled: fc.boolean(),
      client_secret: fc.constant(secret),
      additional_audiences: fc.array(texts, { maxLength: 3 }),
      groups_claim_ids: fc.array(claims, { maxLength: 2 }),
      leeway: fc.constantFrom<Written>('10s', 0, '1m30s'),
      required_claims: fc.dictionary(
        fc.constantFrom('acr', 'amr', 'a b'),
        fc.oneof<fc.Arbitrary<Written>[]>(
          texts,
          fc.boolean(),
          fc.integer(),
          fc.constant({ pattern: '^a+$' }),
        ),
        { maxKeys: 2 },
      ),
      principal_regex: fc.constant(String.raw`^([^@]+)@example\.com$`),
      ...ofGroups,
    }).map((its) => ({
      ...{ protocol: 'oidc', issuer: 'https://auth.example.com', client_id: 'gate' },
      ...its,
    })),
  )
}

function assigned(names: readonly string[]): fc.Arbitrary<WrittenMap> {
  if (names.length === 0) return fc.constant({})
  return fc
    .tuple(fc.shuffledSubarray([...names]), fc.nat())
    .map(([list, pick]) =>
      list.length === 0 ? {} : { integrations: list, primary: list[pick % list.length] ?? '' },
    )
}

function databases(names: readonly string[]): fc.Arbitrary<Record<string, WrittenMap>> {
  const others = entries(
    [...anyNames, 'sandbox'],
    fc
      .tuple(
        some({
          owners: fc.array(texts, { minLength: 1, maxLength: 2 }),
          max_sessions: fc.integer({ min: 1, max: 9 }),
          integration_selection: fc.constantFrom('token', 'primary'),
          upstream: fc.constantFrom<Written>(
            {
              host: 'h',
              port: 5433,
              auth: { method: 'password', passwords: { 'of secret': secret } },
            },
            { hosts: [{ host: 'h' }, { host: '::1', port: 7 }], auth: { method: 'trust' } },
          ),
        }),
        assigned(names),
      )
      .map(([its, integrations]) => ({ ...its, ...integrations })),
  )
  const system = fc
    .tuple(some({ max_sessions: fc.integer({ min: 1, max: 9 }) }), assigned(names))
    .map(([its, integrations]) => ({ ...its, ...integrations }))
  return fc
    .tuple(others, fc.option(system, { nil: {} }))
    .map(([all, own]) => (Object.keys(own).length === 0 ? all : { ...all, system: own }))
}

function pools(names: readonly string[]): fc.Arbitrary<Record<string, WrittenMap>> {
  const ofIntegrations = names.length === 0 ? {} : { sso_integration: oneOf(names) }
  return entries(
    plainNames,
    fc
      .tuple(
        some({
          enabled: fc.boolean(),
          source_address: fc.constantFrom<Written>('10.0.0.0/8', ['10.0.0.0/8', 'fd00::/8']),
          require_sso: fc.boolean(),
          idle_timeout: fc.constant('10m'),
          password_users: fc.array(texts, { maxLength: 2 }),
          server_names: fc.constantFrom<Written>([], ['db.example.com']),
          ...ofIntegrations,
        }),
        fc.array(
          some({
            advertised_address: fc.constant('db.example.com'),
            advertised_port: fc.integer({ min: 1, max: 65535 }),
            proxy_protocol: fc.constantFrom('trusted', 'off'),
          }),
          { minLength: 1, maxLength: 2 },
        ),
      )
      .map(([its, listeners]) => ({
        ...its,
        participants: listeners.map((listener, index) => ({
          ...{ node: 'gw0', listen_address: '127.0.0.1', listen_port: 7000 + index },
          ...listener,
        })),
      })),
  ).map((all) =>
    Object.fromEntries(
      Object.entries(all).map(([name, pool], priority) => [name, { ...pool, priority }]),
    ),
  )
}

const settings = some({
  'server.jwt_authentication.enabled': fc.boolean(),
  'server.jwt_authentication.audience': fc.constantFrom('a', '["a","b"]'),
  'server.jwt_authentication.issuers.configuration': fc.constantFrom('', 'https://a.example'),
  'server.identity_map.configuration': fc.constant('https://a.example x y\nhttps://a.example z w'),
})

const catalogs: fc.Arbitrary<WrittenMap> = groups.chain((itsGroups) =>
  integrations(Object.keys(itsGroups)).chain((itsIntegrations) => {
    const names = Object.keys(itsIntegrations)
    return fc.tuple(databases(names), pools(names), settings).map((rest) => {
      const [itsDatabases, itsPools, itsSettings] = rest
      return {
        ...installation,
        ...literally({
          groups: itsGroups,
          integrations: itsIntegrations,
          databases: itsDatabases,
          connectivity_pools: itsPools,
          settings: itsSettings,
        }),
      }
    })
  }),
)

/** What is not said: the order of what has none, and sections without an entry. */
function comparable(tree: WrittenMap): Written {
  const sections = Object.entries(tree).filter(([, section]) => JSON.stringify(section) !== '{}')
  const { databases, ...rest } = Object.fromEntries(sections)
  const its = Object.entries((databases ?? {}) as Record<string, WrittenMap>).map(
    ([name, database]) => {
      const { integrations: list, ...others } = database
      const sorted = Array.isArray(list) ? { integrations: [...(list as string[])].sort() } : {}
      return [name, { ...others, ...sorted }] as const
    },
  )
  return { ...rest, databases: Object.fromEntries(its) }
}

function isUsable(tree: WrittenMap): boolean {
  try {
    new MemoryCatalog(tree)[Symbol.dispose]()
    return true
  } catch {
    return false
  }
}

const usable = catalogs.filter(isUsable)

/** The secrets are told by somebody who knows them. */
function withSecrets(statement: unknown): string {
  return String(statement).replaceAll(
    /(client_secret = |"of secret" = )'\*{8}'/g,
    `$1'${secret.replaceAll("'", "''")}'`,
  )
}

test('what SHOW CREATE ALL prints makes the catalog again', async () => {
  await fc.assert(
    fc.asyncProperty(usable, async (tree) => {
      using catalog = new MemoryCatalog(tree)
      using again = new MemoryCatalog(installation)
      const { table } = await answerTo(catalog, 'SHOW CREATE ALL')
      for (const [statement] of table?.rows ?? []) await carryOut(again, withSecrets(statement))
      expect(comparable(again.tree)).toEqual(comparable(catalog.tree))
    }),
    { numRuns: 20 },
  )
}, 60_000)

test('what SHOW CREATE ALL prints changes nothing where it is from, but for things that are there', async () => {
  await fc.assert(
    fc.asyncProperty(usable, async (tree) => {
      using catalog = new MemoryCatalog(tree)
      const { table } = await answerTo(catalog, 'SHOW CREATE ALL')
      for (const [statement] of table?.rows ?? []) {
        const text = String(statement)
        const isThere = /^(?:--.*\n)*CREATE (?:GROUP|DATABASE|SSO INTEGRATION|CONNECTIVITY_POOL)/
        if (!isThere.test(text) && !text.includes('REMOVE SSO')) await carryOut(catalog, text)
      }
      expect(catalog.tree).toEqual(tree)
    }),
    { numRuns: 20 },
  )
}, 60_000)

const kinds = [
  ['GROUP', 'groups'],
  ['DATABASE', 'databases'],
  ['CONNECTIVITY_POOL', 'connectivity_pools'],
  ['SSO INTEGRATION', 'integrations'],
] as const

test('what SHOW CREATE prints makes the thing again, where it can be dropped', async () => {
  await fc.assert(
    fc.asyncProperty(usable, fc.constantFrom(...kinds), async (tree, [kind, section]) => {
      using catalog = new MemoryCatalog(tree)
      for (const name of Object.keys((tree[section] ?? {}) as WrittenMap)) {
        const before = catalog.tree
        const thing = `${kind} ${printName(name)}`
        const { table } = await answerTo(catalog, `SHOW CREATE ${thing}`)
        expect(table?.rows[0]?.[0]).toBe(name)
        const dropped = await carryOut(catalog, `DROP ${thing}`).then(
          () => true,
          () => false,
        )
        if (!dropped) continue
        await carryOut(catalog, withSecrets(table?.rows[0]?.[1]))
        const entryOf = (one: WrittenMap): Written | undefined =>
          ((comparable(one) as WrittenMap)[section] as WrittenMap)[name]
        expect(entryOf(catalog.tree)).toEqual(entryOf(before))
      }
    }),
    { numRuns: 20 },
  )
}, 60_000)
