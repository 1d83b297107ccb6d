// What an operator is told of the sessions that are open: no secret, no token, nothing that was said in them.
import type { SessionFacts } from './observer.ts'
import type { SessionActivity, SessionServer } from './session-activity.ts'
import { criteriaOf, selects, type SessionSelector } from './session-selector.ts'

export interface SessionSummary {
  readonly session: string
  /** Which of several has it; undefined where there is no fleet. */
  readonly replica?: string | undefined
  readonly issuer: string | undefined
  readonly subject: string | undefined
  readonly principal: string | undefined
  readonly groups: readonly string[]
  readonly tokenIdHash: string | undefined
  readonly role: string | undefined
  readonly database: string | undefined
  readonly pool: string | undefined
  readonly integration: string | undefined
  readonly address: string
  readonly port: number
  /** What it asked to be. */
  readonly user: string | undefined
  readonly listener: { readonly address: string; readonly port: number }
  /** Version and cipher; undefined without TLS. */
  readonly tls: string | undefined
  readonly application: string | undefined
  /** ISO 8601. */
  readonly since: string
  /** When it ends as soon as it is in no transaction; undefined: nothing bounds it. */
  readonly until: string | undefined
  /** Of PostgreSQL's backend. */
  readonly processId: number | undefined
  /** Of the catalog that let it in. */
  readonly catalogVersion: number | undefined
  readonly server: SessionServer | undefined
  readonly activity: SessionActivity | undefined
}

export interface SessionQuery {
  /** Without a criterion every session is meant. */
  readonly selector: SessionSelector
  readonly limit: number
}

export interface SessionList {
  /** The oldest first. */
  readonly sessions: readonly SessionSummary[]
  /** How many there are, of which `limit` are shown. */
  readonly total: number
  /** Processes that did not say which sessions they have. */
  readonly unanswered: number
}

interface Listed {
  readonly facts: SessionFacts
  readonly endsAtMs?: number | undefined
  readonly server?: SessionServer | undefined
  readonly activity?: SessionActivity | undefined
}

export function listSessions(
  live: Iterable<Listed>,
  { selector, limit }: SessionQuery,
): SessionList {
  const isAll = criteriaOf(selector).length === 0
  const chosen = [...live].filter(({ facts }) => isAll || selects(selector, facts))
  const oldest = chosen
    .sort((one, other) => one.facts.openedAt.getTime() - other.facts.openedAt.getTime())
    .slice(0, limit)
  return { sessions: oldest.map(summarize), total: chosen.length, unanswered: 0 }
}

/** The lists of several processes as one. */
export function joinLists(lists: readonly SessionList[], limit: number): SessionList {
  const sum = (key: 'total' | 'unanswered'): number =>
    lists.reduce((count, list) => count + list[key], 0)
  const sessions = lists
    .flatMap((list) => list.sessions)
    .sort((one, other) => (one.since < other.since ? -1 : Number(one.since > other.since)))
    .slice(0, limit)
  return { sessions, total: sum('total'), unanswered: sum('unanswered') }
}

function summarize({ facts, endsAtMs, server, activity }: Listed): SessionSummary {
  const { id, openedAt, peer, pool, integration, requested, identity, role } = facts
  const { listener, tls } = facts
  return {
    session: id,
    issuer: identity?.issuer,
    subject: identity?.subject,
    principal: identity?.principal,
    groups: identity?.groups ?? [],
    tokenIdHash: identity?.tokenIdHash,
    role,
    database: requested?.database,
    pool,
    integration,
    address: peer.address,
    port: peer.port,
    user: requested?.user,
    listener,
    tls: tls && `${tls.version}/${tls.cipher}`,
    application: requested?.applicationName,
    since: openedAt.toISOString(),
    until: endsAtMs === undefined ? undefined : new Date(endsAtMs).toISOString(),
    catalogVersion: facts.catalogVersion,
    processId: facts.upstreamProcessId,
    server,
    activity,
  }
}
