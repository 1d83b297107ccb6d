// SHOW CREATE: the statements that make a thing, and the whole catalog. What they cannot say is in comments.
import type { Column, Table } from '../answer.ts'
import type { Written, WrittenMap } from '../catalog-home.ts'
import { type Privilege, privileges } from '../grammar/privileges.ts'
import { printStatement } from '../grammar/print.ts'
import { clusterSettings, participantProperties } from '../grammar/properties.ts'
import type { ObjectKind, Participant, Statement } from '../grammar/statement.ts'
import { listedSettings, settingOf, writtenSetting } from './cluster-settings.ts'
import { assignedTo } from './database-integrations.ts'
import { nameOf } from './faults.ts'
import { get, sections, system, tables } from './sections.ts'
import { toAssignments, onOneLine, toValue } from './to-values.ts'
import { at, entriesAt, listAt, textAt } from './tree.ts'
import { readGrant } from './written-grants.ts'

export const createColumns: readonly Column[] = [
  { name: 'name', type: 'text' },
  { name: 'create_statement', type: 'text' },
]

export const createAllColumns: readonly Column[] = [{ name: 'create_statement', type: 'text' }]

export function showCreate(tree: WrittenMap, kind: ObjectKind, name: string): Table {
  get(tree, kind, name)
  const parts = [...creation(tree, kind, name), ...additions(tree, kind, name)]
  if (parts.length === 0) parts.push(comment(`${nameOf(kind, name)} is there without a statement`))
  return { columns: createColumns, rows: [[name, parts.join('\n')]] }
}

/** In an order in which they can be carried out, one after the other. */
export function showCreateAll(tree: WrittenMap): Table {
  const of = (
    kind: ObjectKind,
    print: (tree: WrittenMap, kind: ObjectKind, name: string) => readonly string[],
  ): readonly string[] => existing(tree, kind).map((name) => print(tree, kind, name).join('\n'))
  const parts = [
    ...of('group', creation),
    // Before databases: roles that they have passwords for are perhaps principals by these.
    settings(tree).join('\n'),
    ...of('sso integration', creation),
    ...of('database', creation),
    primaryOfSystem(tree),
    unwantedInSystem(tree),
    ...of('database', (all, kind, name) => (name === system ? [] : additions(all, kind, name))),
    ...of('connectivity_pool', creation),
    ...of('group', additions),
    identityMap(tree),
  ]
  const rows = parts.filter((part) => part !== '').map((part) => [part])
  return { columns: createAllColumns, rows }
}

/** Those that stand in the file. */
function existing(tree: WrittenMap, kind: ObjectKind): readonly string[] {
  return entriesAt(tree, sections[kind]).map(([name]) => name)
}

/** The statement that makes the thing by itself. */
function creation(tree: WrittenMap, kind: ObjectKind, name: string): readonly string[] {
  const entry = get(tree, kind, name)
  if (kind === 'connectivity_pool') return poolCreation(entry, name)
  const { assignments: properties, remarks } = toAssignments(entry, tables[kind])
  const comments = remarks.map(comment)
  if (kind !== 'database' || name !== system) {
    const create = { kind: 'create', object: kind, name, ifNotExists: false, properties } as const
    return [...comments, print(create)]
  }
  // It is there without being made.
  if (properties.length === 0) return comments
  const set = { kind: 'set properties', object: kind, name, ifExists: false, properties } as const
  return [...comments, print(set)]
}

function poolCreation(entry: Written, name: string): readonly string[] {
  const { assignments: properties, remarks } = toAssignments(entry, tables.connectivity_pool)
  const listeners = listAt(entry, 'participants').map((one) => ({
    node: textAt(one, 'node') ?? '',
    ...toAssignments(one, participantProperties),
  }))
  const participants = listeners.map((one): Participant => ({
    node: one.node,
    properties: one.assignments,
  }))
  const all = [...remarks, ...listeners.flatMap((one) => one.remarks)]
  const create = {
    kind: 'create pool',
    name,
    ifNotExists: false,
    properties,
    participants,
  } as const
  return [...all.map(comment), print(create)]
}

/** What is said of the thing by other statements, when what they name is there. */
function additions(tree: WrittenMap, kind: ObjectKind, name: string): readonly string[] {
  switch (kind) {
    case 'group':
      return grants(tree, name)
    case 'sso integration':
      return assignedTo(tree, system).names.includes(name) ? [] : [removal(name)]
    case 'database':
      return assignments(tree, name)
    case 'connectivity_pool':
      return []
  }
}

/** CREATE SSO INTEGRATION assigns to `system`; some are not wanted there. */
function removal(integration: string): string {
  return print({ kind: 'remove integration', database: system, integration })
}

function assignments(tree: WrittenMap, database: string): readonly string[] {
  const { names, primary } = assignedTo(tree, database)
  const assign = names.map((integration) =>
    print({ kind: 'assign integration', database, integration }),
  )
  // The first one becomes it by itself.
  if (primary === undefined || names[0] === primary) return assign
  return [...assign, print({ kind: 'set integration', database, integration: primary })]
}

function primaryOfSystem(tree: WrittenMap): string {
  const { primary } = assignedTo(tree, system)
  if (primary === undefined) return ''
  return print({ kind: 'set integration', database: system, integration: primary })
}

/** They stand there since they were made. The first of them may be its primary one, and goes last. */
function unwantedInSystem(tree: WrittenMap): string {
  const { names } = assignedTo(tree, system)
  const unwanted = existing(tree, 'sso integration').filter((name) => !names.includes(name))
  return unwanted.reverse().map(removal).join('\n')
}

function grants(tree: WrittenMap, group: string): readonly string[] {
  const written = at(tree, 'groups', group, 'grants')
  if (written === undefined) return []
  const items = listAt(tree, 'groups', group, 'grants')
  if (items.length === 0)
    return [comment(`grants of group "${group}" is an empty list in the file`)]
  return items.map((item) => grantStatement(item, group))
}

function grantStatement(item: Written, group: string): string {
  const grant = readGrant(item)
  if (grant === undefined) return comment(`a grant of group "${group}" is in the file alone`)
  const known = grant.privileges.filter(isPrivilege)
  if (grant.schemas !== undefined || grant.tables !== undefined) {
    const what = `${known.join(', ')} on database "${grant.database}"`
    return comment(`group "${group}" has ${what} for some schemas or tables, in the file alone`)
  }
  const { database } = grant
  return print({ kind: 'grant', privileges: known, databases: [database], groups: [group] })
}

function isPrivilege(name: string): name is Privilege {
  return Object.hasOwn(privileges, name)
}

function settings(tree: WrittenMap): readonly string[] {
  return Object.keys(listedSettings).flatMap((name) => {
    const written = writtenSetting(tree, name)
    const property = clusterSettings[name]
    if (written === undefined || property === undefined) return []
    const remarks: string[] = []
    const isFlag = settingOf(name).type === 'b'
    const value = toValue(isFlag ? toFlag(written) : written, property, name, remarks)
    const statement =
      value === undefined ? [] : [print({ kind: 'set cluster setting', name, value })]
    return [...remarks.map(comment), ...statement]
  })
}

function toFlag(written: Written): Written {
  return written === 'on' ? true : written === 'off' ? false : written
}

function identityMap(tree: WrittenMap): string {
  const written = textAt(tree, 'identity_map')
  return written === undefined || written === ''
    ? ''
    : comment('identity_map is in the file alone; SHOW IDENTITY_MAP shows its lines')
}

function print(statement: Statement): string {
  return `${printStatement(statement)};`
}

function comment(text: string): string {
  return `-- ${onOneLine(text)}`
}
