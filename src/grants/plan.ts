// From what is wanted and what is there to the statements between them. Pure.
import { printable } from '../refusal.ts'
import { shownIdentifier } from '../upstream/shown-identifier.ts'
import { keyOf, type Right, type Target, writeStatements } from './right.ts'
import type { AccessList, DatabaseState } from './state.ts'
import { rightsOf, type WantedRights } from './wanted-rights.ts'
import type { WantedDatabase, WantedRole } from './wanted.ts'

export interface Plan {
  readonly parts: readonly PlanPart[]
  /** Worth knowing; nothing is done about it. */
  readonly notes: readonly string[]
  /** Why it cannot be carried out. */
  readonly problems: readonly string[]
}

/** What one role needs. */
export interface PlanPart {
  readonly about: string
  readonly statements: readonly string[]
}

export interface PlanOptions {
  /** Whether privileges that the catalog does not name are taken from its roles. */
  readonly prune: boolean
  /** Roles that will be there: another database of the same server makes them. */
  readonly madeRoles: ReadonlySet<string>
}

export function statementsOf({ parts }: Pick<Plan, 'parts'>): readonly string[] {
  return parts.flatMap(({ statements }) => statements)
}

/** The roles whose privileges are looked at, and those that must be there. */
export function rolesToAskFor({ roles, owners = [] }: WantedDatabase): readonly string[] {
  return [...new Set([...roles.map(({ role }) => role), ...owners])]
}

export function plan(wanted: WantedDatabase, state: DatabaseState, options: PlanOptions): Plan {
  const roles = wanted.roles.map((role) => ({ role, rights: rightsOf(wanted, role, state) }))
  return {
    parts: [
      ...makeRoles(wanted, state, options),
      ...roles.map((one) => partOf(one.role, one.rights, state, options)),
    ].filter(({ statements }) => statements.length > 0),
    notes: [
      ...wanted.roles.flatMap(({ role }) =>
        wanted.rolesLogIn && state.roles.get(role)?.canLogIn === false
          ? [`role ${show(role)} is there and has no LOGIN, so that nobody logs in as it`]
          : [],
      ),
      ...notCovered(
        roles.map(({ rights }) => rights),
        state,
      ),
    ],
    problems: [
      ...new Set([
        ...(wanted.owners ?? [])
          .filter((name) => !state.roles.has(name) && !options.madeRoles.has(name))
          .filter((name) => wanted.roles.every(({ role }) => role !== name))
          .map((name) => `there is no role ${show(name)}, which \`owners\` names`),
        ...roles.flatMap(({ rights }) => rights.problems),
      ]),
    ],
  }
}

/** It has no password, which is for whoever needs one to set. */
function makeRoles(
  { roles, rolesLogIn }: WantedDatabase,
  state: DatabaseState,
  { madeRoles }: PlanOptions,
): readonly PlanPart[] {
  return roles
    .filter(({ role }) => !state.roles.has(role) && !madeRoles.has(role))
    .map((one) => ({
      about: describe(one),
      statements: [`CREATE ROLE ${shownIdentifier(one.role)} ${rolesLogIn ? 'LOGIN' : 'NOLOGIN'};`],
    }))
}

function partOf(
  wanted: WantedRole,
  { rights }: WantedRights,
  state: DatabaseState,
  { prune }: PlanOptions,
): PlanPart {
  const { role } = wanted
  const held = rightsHeld(role, state)
  const wantedKeys = new Set(rights.map(keyOf))
  const heldKeys = new Set(held.map(({ right }) => keyOf(right)))
  const missing = uniqueRights(rights.filter((right) => !heldKeys.has(keyOf(right))))
  const extra = prune ? held.filter(({ stays }) => !stays) : []
  const unnamed = extra.filter(({ right }) => !wantedKeys.has(keyOf(right)))
  const options = extra.filter(({ right, isOption }) => isOption && wantedKeys.has(keyOf(right)))
  const write = (verb: Parameters<typeof writeStatements>[0], some: readonly Right[]) =>
    writeStatements(verb, some, role, state.database.name)
  return {
    about: describe(wanted),
    statements: [
      ...write('grant', missing),
      ...write('revoke-option', uniqueRights(options.map(({ right }) => right))),
      ...write('revoke', uniqueRights(unnamed.map(({ right }) => right))),
    ],
  }
}

interface HeldRight {
  readonly right: Right
  readonly isOption: boolean
  /** The owner of an object has it by being that, and what an extension brought is its own business. */
  readonly stays: boolean
}

/** What the role itself was given, in the database and in its schemas. */
function rightsHeld(role: string, state: DatabaseState): readonly HeldRight[] {
  const of = (
    target: Target,
    acl: AccessList,
    owner: string,
    isExtensions = false,
  ): readonly HeldRight[] =>
    acl
      .filter(([grantee]) => grantee === role)
      .map(([, privilege, isOption]) => ({
        right: { target, privilege },
        isOption,
        stays: owner === role || isExtensions,
      }))
  const { database, schemas, relations, columns, routines, defaults } = state
  return [
    ...of({ kind: 'database' }, database.acl, database.owner[0]),
    ...schemas.flatMap(({ name, acl, owner: [owner], isExtensions }) =>
      of({ kind: 'schema', schema: name }, acl, owner, isExtensions),
    ),
    ...relations.flatMap(({ kind, schema, name, acl, owner: [owner], isExtensions }) =>
      of({ kind, schema, name }, acl, owner, isExtensions),
    ),
    ...columns.flatMap(({ kind, schema, name, column, acl, owner: [owner] }) =>
      of({ kind, schema, name, column }, acl, owner),
    ),
    ...routines.flatMap(({ kind, schema, name, types, acl, owner: [owner], isExtensions }) =>
      of({ kind, schema, name, types }, acl, owner, isExtensions),
    ),
    ...defaults.flatMap(({ kind, creator, schema, objects, acl }) =>
      of({ kind, creator, schema, objects }, acl, creator),
    ),
  ]
}

function uniqueRights(rights: readonly Right[]): readonly Right[] {
  return [...new Map(rights.map((right) => [keyOf(right), right])).values()]
}

function notCovered(
  all: readonly WantedRights[],
  { database: { user } }: DatabaseState,
): readonly string[] {
  const creators = new Set(all.flatMap(({ uncovered }) => uncovered))
  return [...creators].map(
    (creator) =>
      `what role ${show(creator)} makes from now on is not granted by itself: ${show(user)} is no member of it`,
  )
}

function describe({ role, groups }: WantedRole): string {
  const names = groups.map(show).join(', ')
  return `${groups.length === 1 ? 'group' : 'groups'} ${names}, role ${show(role)}`
}

function show(name: string): string {
  return `"${printable(name)}"`
}
