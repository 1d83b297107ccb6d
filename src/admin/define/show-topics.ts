// SHOW of what stands in the catalog: values as they are written, else their defaults. No secret is among them.
import type { Cell, Column, Table } from '../answer.ts'
import type { Written, WrittenMap } from '../catalog-home.ts'
import { type LogicalLine, readFields, readLogicalLines } from '../../policy/ident-fields.ts'
import type { ShowTopic } from '../grammar/show-topics.ts'
import { assignedTo } from './database-integrations.ts'
import { dependentsOfGroup } from './dependents.ts'
import { shownSetting } from './cluster-settings.ts'
import { readGrant } from './written-grants.ts'
import { at, entriesAt, flagAt, isReference, listAt, numberAt, textAt, textsAt } from './tree.ts'

interface CatalogTopic {
  readonly columns: readonly Column[]
  readonly rows: (tree: WrittenMap) => Table['rows']
}

/** The topics that the catalog alone answers. */
export const catalogTopics = {
  GROUPS: {
    columns: [
      { name: 'name', type: 'text' },
      { name: 'role', type: 'text' },
      { name: 'rank', type: 'int4' },
      { name: 'allow_superuser', type: 'bool' },
      { name: 'databases', type: 'text[]' },
      { name: 'used_by', type: 'text[]' },
    ],
    rows: (tree) =>
      entriesAt(tree, 'groups').map(([name, group]) => [
        name,
        textAt(group, 'role') ?? name,
        numberOr(group, 'rank', 0),
        flagOr(group, 'allow_superuser', false),
        [...new Set(listAt(group, 'grants').flatMap((one) => readGrant(one)?.database ?? []))],
        dependentsOfGroup(tree, name),
      ]),
  },
  INTEGRATIONS: {
    columns: [
      { name: 'name', type: 'text' },
      { name: 'enabled', type: 'bool' },
      { name: 'protocol', type: 'text' },
      { name: 'issuer', type: 'text' },
      { name: 'client_id', type: 'text' },
      { name: 'default_group', type: 'text' },
      { name: 'enable_id_token_authentication', type: 'bool' },
      { name: 'databases', type: 'text[]' },
      { name: 'primary_of', type: 'text[]' },
      { name: 'pools', type: 'text[]' },
    ],
    rows: (tree) => entriesAt(tree, 'integrations').map((entry) => integrationRow(tree, ...entry)),
  },
  CONNECTIVITY_POOLS: {
    columns: [
      { name: 'name', type: 'text' },
      { name: 'source_address', type: 'text[]' },
      { name: 'priority', type: 'int4' },
      { name: 'sso_integration', type: 'text' },
      { name: 'require_sso', type: 'bool' },
      { name: 'auth_methods', type: 'text[]' },
      { name: 'server_names', type: 'text[]' },
      { name: 'nodes', type: 'text[]' },
      { name: 'participants', type: 'int4' },
      { name: 'enabled', type: 'bool' },
    ],
    rows: (tree) =>
      entriesAt(tree, 'connectivity_pools').map(([name, pool]) => {
        const participants = listAt(pool, 'participants')
        return [
          name,
          oneOrMore(pool, 'source_address', ['0.0.0.0/0', '::/0']),
          numberOr(pool, 'priority', 0),
          cell(textAt(pool, 'sso_integration')),
          flagOr(pool, 'require_sso', false),
          oneOrMore(pool, 'auth_methods', ['cleartext', 'oauthbearer']),
          oneOrMore(pool, 'server_names', []),
          [...new Set(participants.map((one) => textAt(one, 'node') ?? ''))],
          participants.length,
          flagOr(pool, 'enabled', true),
        ]
      }),
  },
  PARTICIPANTS: {
    columns: [
      { name: 'pool', type: 'text' },
      { name: 'node', type: 'text' },
      { name: 'listen_address', type: 'text' },
      { name: 'listen_port', type: 'int4' },
      { name: 'socket_directory', type: 'text' },
      { name: 'advertised_address', type: 'text' },
      { name: 'advertised_port', type: 'int4' },
      { name: 'openapi_port', type: 'int4' },
      { name: 'openapi_advertised_address', type: 'text' },
      { name: 'openapi_advertised_port', type: 'int4' },
      { name: 'allow_cleartext', type: 'bool' },
      { name: 'proxy_protocol', type: 'text' },
    ],
    rows: (tree) =>
      entriesAt(tree, 'connectivity_pools').flatMap(([pool, entry]) =>
        listAt(entry, 'participants').map((one) => participantRow(pool, one)),
      ),
  },
  GRANTS: {
    columns: [
      { name: 'group', type: 'text' },
      { name: 'database', type: 'text' },
      { name: 'privileges', type: 'text[]' },
      { name: 'schemas', type: 'text[]' },
      { name: 'tables', type: 'text[]' },
    ],
    rows: (tree) =>
      entriesAt(tree, 'groups').flatMap(([group, entry]) =>
        listAt(entry, 'grants').flatMap((written) => {
          const grant = readGrant(written)
          if (grant === undefined) return []
          const { database, privileges, schemas = null, tables = null } = grant
          return [[group, database, privileges, schemas, tables]]
        }),
      ),
  },
  IDENTITY_MAP: {
    columns: [
      { name: 'source', type: 'text' },
      { name: 'line', type: 'int4' },
      { name: 'issuer', type: 'text' },
      { name: 'principal', type: 'text' },
      { name: 'role', type: 'text' },
    ],
    rows: identityRows,
  },
} as const satisfies Partial<Readonly<Record<ShowTopic, CatalogTopic>>>

const cockroachMap = 'server.identity_map.configuration'

export type CatalogTopicName = keyof typeof catalogTopics

export function isCatalogTopic(topic: ShowTopic): topic is CatalogTopicName {
  return Object.hasOwn(catalogTopics, topic)
}

function integrationRow(tree: WrittenMap, name: string, entry: Written): readonly Cell[] {
  const databases = entriesAt(tree, 'databases').map(([database]) => ({
    database,
    ...assignedTo(tree, database),
  }))
  const having = databases.filter(({ names }) => names.includes(name))
  return [
    name,
    flagOr(entry, 'enabled', true),
    textAt(entry, 'protocol') ?? 'oidc',
    cell(textAt(entry, 'issuer')),
    cell(textAt(entry, 'client_id')),
    cell(textAt(entry, 'default_group')),
    flagOr(entry, 'enable_id_token_authentication', false),
    having.map(({ database }) => database),
    having.filter(({ primary }) => primary === name).map(({ database }) => database),
    entriesAt(tree, 'connectivity_pools')
      .filter(([, pool]) => textAt(pool, 'sso_integration') === name)
      .map(([pool]) => pool),
  ]
}

function participantRow(pool: string, one: Written): readonly Cell[] {
  return [
    pool,
    cell(textAt(one, 'node')),
    cell(textAt(one, 'listen_address')),
    cell(numberAt(one, 'listen_port')),
    cell(textAt(one, 'socket_directory')),
    cell(textAt(one, 'advertised_address')),
    cell(numberAt(one, 'advertised_port')),
    cell(numberAt(one, 'openapi_port')),
    cell(textAt(one, 'openapi_advertised_address')),
    cell(numberAt(one, 'openapi_advertised_port')),
    flagOr(one, 'allow_cleartext', false),
    textAt(one, 'proxy_protocol') ?? 'trusted',
  ]
}

/** A map that comes from elsewhere has one row, with its reference. */
function identityRows(tree: WrittenMap): Table['rows'] {
  const ours = textAt(tree, 'identity_map') ?? ''
  const theirs = shownSetting(tree, cockroachMap)
  return [
    ...mapRows('identity_map', ours, readLogicalLines(ours), (line) =>
      readFields(line).map(({ text }) => text),
    ),
    ...mapRows(
      cockroachMap,
      theirs,
      theirs.split('\n').map((text, index) => ({ number: index + 1, text })),
      wordsOf,
    ),
  ]
}

function mapRows(
  source: string,
  text: string,
  lines: Iterable<LogicalLine>,
  fieldsOf: (line: string) => readonly string[],
): Table['rows'] {
  if (isReference(text)) return [[source, null, text, null, null]]
  return [...lines].flatMap(({ number, text: line }) => {
    const [issuer, principal, role] = fieldsOf(line)
    return issuer === undefined ? [] : [[source, number, issuer, cell(principal), cell(role)]]
  })
}

/** CockroachDB's lines are words without quotes. */
function wordsOf(line: string): readonly string[] {
  return line
    .replace(/#.*/s, '')
    .split(/\s+/)
    .filter((word) => word !== '')
}

function oneOrMore(entry: Written, key: string, otherwise: readonly string[]): readonly string[] {
  const single = textAt(entry, key)
  if (single !== undefined) return [single]
  const several = textsAt(entry, key)
  return several.length === 0 ? otherwise : several
}

/** null for what is written, and comes from elsewhere. */
function numberOr(entry: Written, key: string, otherwise: number): Cell {
  return at(entry, key) === undefined ? otherwise : cell(numberAt(entry, key))
}

function flagOr(entry: Written, key: string, otherwise: boolean): Cell {
  return at(entry, key) === undefined ? otherwise : (flagAt(entry, key) ?? null)
}

function cell(value: string | number | undefined): Cell {
  return value ?? null
}
