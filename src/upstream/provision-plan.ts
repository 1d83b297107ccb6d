// What a login changes about the person's own role: from what there is and what there should be to
// statements. Pure.
import type { Reason } from '../refusal.ts'
import { quoteIdentifier, quoteLiteral } from './quote-sql.ts'

export type Sync = 'granted' | 'exact'

/** What the role of an identity should be. */
export interface Wish {
  readonly role: string
  /** Whose role it is: no two identities have one. */
  readonly issuer: string
  readonly subject: string
  /** The roles of the identity's groups. */
  readonly memberOf: readonly string[]
  /** With `exact` memberships that others granted are revoked as well. */
  readonly sync: Sync
  /** For a role that is made; undefined is none. */
  readonly connectionLimit: number | undefined
}

/** What the server says of it. */
export interface RoleState {
  /** Null where there is none of that name. */
  readonly person: {
    readonly isSuperuser: boolean
    readonly isReplication: boolean
    /** Whether the server itself made the provisioner its administrator, as it does for who creates it. */
    readonly isMadeHere: boolean
    readonly comment: string | null
  } | null
  readonly memberships: readonly Membership[]
  /** Those of the groups' roles that exist. */
  readonly groups: readonly { readonly name: string; readonly isSuperuser: boolean }[]
}

export interface Membership {
  readonly group: string
  readonly grantor: string
  /** Whether the provisioner granted it. */
  readonly isOurs: boolean
  readonly admin: boolean
  readonly inherit: boolean
  readonly set: boolean
}

export type Change =
  | { readonly kind: 'create'; readonly role: string; readonly connectionLimit: number | undefined }
  | { readonly kind: 'mark'; readonly role: string; readonly mark: string }
  | { readonly kind: 'grant'; readonly role: string; readonly group: string }
  /** Granted by the provisioner itself where nobody else is named. */
  | {
      readonly kind: 'revoke'
      readonly role: string
      readonly group: string
      readonly grantor: string | undefined
    }

export type ProvisionOutcome = 'created' | 'changed' | 'unchanged'

export type Plan =
  | { readonly outcome: ProvisionOutcome; readonly changes: readonly Change[] }
  | { readonly outcome: 'refused'; readonly reason: Reason; readonly detail: string }

/**
 * The comment by which a role says whose it is. Only who may administrate the role can change it. In
 * ASCII, so that no encoding of a database is a reason to read it otherwise.
 */
export function markOf({ issuer, subject }: Pick<Wish, 'issuer' | 'subject'>): string {
  return JSON.stringify({ portcullis: { issuer, subject } }).replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

export function planRole(wish: Wish, { person, memberships, groups }: RoleState): Plan {
  const { role, sync, connectionLimit } = wish
  const mark = markOf(wish)
  if (person !== null) {
    if (person.isSuperuser) return refused('role-reserved', 'it is a superuser')
    if (person.isReplication) return refused('role-reserved', 'it has the attribute REPLICATION')
    if (!person.isMadeHere) {
      return refused('role-taken', `${role} exists, and the provisioner did not make it`)
    }
    if (person.comment !== mark) {
      return refused(
        'role-taken',
        `${role} is marked for another identity: ${person.comment ?? '(no comment)'}`,
      )
    }
  }
  const superuser = groups.find(({ isSuperuser }) => isSuperuser)
  if (superuser !== undefined) {
    return refused('role-reserved', `membership in ${superuser.name}, which is a superuser`)
  }
  if (groups.length === 0) {
    const names = wish.memberOf.join(', ')
    return refused('provisioning-failed', `none of the roles of its groups exists: ${names}`)
  }
  const wanted = new Set(groups.map(({ name }) => name))
  const granted = new Set(memberships.filter(isAsWeGrant).map(({ group }) => group))
  const memberChanges: Extract<Change, { readonly group: string }>[] = []
  for (const group of wanted) {
    if (!granted.has(group)) memberChanges.push({ kind: 'grant', role, group })
  }
  for (const { group, grantor, isOurs } of memberships) {
    if (wanted.has(group) || !(isOurs || sync === 'exact')) continue
    memberChanges.push({ kind: 'revoke', role, group, grantor: isOurs ? undefined : grantor })
  }
  // In one order, whoever logs in: each of them locks the role of its group.
  memberChanges.sort((a, b) => compare(a.group, b.group))
  if (person === null) {
    const made: readonly Change[] = [
      { kind: 'create', role, connectionLimit },
      { kind: 'mark', role, mark },
    ]
    return { outcome: 'created', changes: [...made, ...memberChanges] }
  }
  return { outcome: memberChanges.length === 0 ? 'unchanged' : 'changed', changes: memberChanges }
}

function refused(reason: Reason, detail: string): Plan {
  return { outcome: 'refused', reason, detail }
}

function isAsWeGrant({ isOurs, admin, inherit, set }: Membership): boolean {
  return isOurs && !admin && inherit && set
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function toSql(change: Change): string {
  const role = quoteIdentifier(change.role)
  switch (change.kind) {
    case 'create': {
      const limit = String(change.connectionLimit ?? -1)
      return `CREATE ROLE ${role} LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT ${limit} PASSWORD NULL`
    }
    case 'mark':
      return `COMMENT ON ROLE ${role} IS ${quoteLiteral(change.mark)}`
    case 'grant':
      return `GRANT ${quoteIdentifier(change.group)} TO ${role} WITH ADMIN FALSE, INHERIT TRUE, SET TRUE GRANTED BY CURRENT_USER`
    case 'revoke': {
      const grantor =
        change.grantor === undefined ? 'CURRENT_USER' : quoteIdentifier(change.grantor)
      // What she passed on by it goes with it, or it could not go at all.
      return `REVOKE ${quoteIdentifier(change.group)} FROM ${role} GRANTED BY ${grantor} CASCADE`
    }
  }
}
