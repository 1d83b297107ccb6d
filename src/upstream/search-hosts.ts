// What is looked for at the hosts of an upstream, one after the other, until one has it: a session, as a rule.
import { setTimeout as delay } from 'node:timers/promises'
import { Refusal } from '../refusal.ts'
import { Deadline } from './deadline.ts'
import { type Endpoint, where } from './endpoint.ts'
import type { UpstreamNetwork } from './network.ts'
import { inRankOrder, orderHosts, retryDelayMs, shuffled } from './order-hosts.ts'
import { isPreferred, type ServerState } from './server-state.ts'
import type { UpstreamHost, UpstreamTarget } from './target.ts'

/** One address that is tried. */
export interface HostAttempt {
  readonly endpoint: Endpoint
  readonly target: UpstreamTarget
  /** Of the login as a whole. */
  readonly deadline: Deadline
  /** For connecting, TLS included: another address may have to have its turn. */
  readonly dialLimitMs: number
}

export type AttemptResult<Session> =
  | {
      readonly kind: 'session'
      readonly session: Session
      /** Known where it matters which server it is. */
      readonly state: ServerState | undefined
    }
  /** It let us in, and is not what `target_session_attrs` asks for. */
  | { readonly kind: 'unwanted'; readonly state: ServerState }
  | {
      readonly kind: 'failed'
      readonly error: unknown
      /** Whether nothing was said that the server could have taken for a login: another may be asked. */
      readonly isHarmless: boolean
    }

export interface Search<Session> {
  readonly target: UpstreamTarget
  readonly network: UpstreamNetwork
  /** Tries one address; what it throws ends the search. */
  readonly attempt: (attempt: HostAttempt) => Promise<AttemptResult<Session>>
  /** Lets go of one that was found and is not needed. */
  readonly close: (session: Session) => void
  /** Whether the first server that looks at the credential is the only one that can. */
  readonly isForOneServer: boolean
}

interface Running<Session> extends Search<Session> {
  readonly deadline: Deadline
}

type Found<Session> =
  | { readonly kind: 'session'; readonly session: Session }
  | { readonly kind: 'nothing'; readonly refusal: Refusal; readonly mayRetry: boolean }

/**
 * What an attempt comes to at the first host that can be reached and is what `target_session_attrs` asks for,
 * or a Refusal within the deadline of the target. Another address, another host and another try come only
 * after what is harmless.
 */
export async function searchHosts<Session>(search: Search<Session>): Promise<Session> {
  const { target, network } = search
  const deadline = new Deadline(target)
  try {
    for (let retry = 0; ; retry++) {
      const found = await tryHosts({ ...search, deadline })
      if (found.kind === 'session') return found.session
      const waitMs = retryDelayMs(retry, network.random)
      const isOver = retry >= target.connectRetries || waitMs >= deadline.leftMs
      if (isOver || !found.mayRetry) throw found.refusal
      await delay(waitMs)
    }
  } finally {
    deadline.stop()
  }
}

/** Tries every host once. */
async function tryHosts<Session>(search: Running<Session>): Promise<Found<Session>> {
  const { target, network, close, isForOneServer } = search
  const failures: Refusal[] = []
  /** Good enough, while a better one is looked for. */
  let spare: Session | undefined
  let isProved = false
  const hosts = hostsInOrder(target, network)
  try {
    for (const [index, host] of hosts.entries()) {
      // Nobody who has a session already waits for a host that has just failed.
      if (spare !== undefined && network.isFailing(host)) continue
      if (failures.length > 0 && search.deadline.leftMs === 0) break
      const result = await tryHost(host, hosts.length - index, search, failures)
      if (result.kind === 'session') {
        const { session, state } = result
        if (state === undefined || isPreferred(target.wantedSession, state)) {
          return { kind: 'session', session }
        }
        if (spare === undefined) spare = session
        else close(session)
      }
      isProved = result.kind !== 'failed' && isForOneServer
      if (isProved) break
    }
    if (spare === undefined) return nothing(failures, isProved)
    const session = spare
    spare = undefined
    return { kind: 'session', session }
  } finally {
    if (spare !== undefined) close(spare)
  }
}

function hostsInOrder(target: UpstreamTarget, network: UpstreamNetwork): readonly UpstreamHost[] {
  return orderHosts(target, {
    isFailing: (host) => network.isFailing(host),
    isUnwanted: (host) => {
      const state = network.stateOf(host)
      return state !== undefined && !isPreferred(target.wantedSession, state)
    },
    random: network.random,
  })
}

/** Why there is no session: what the servers themselves say comes first. */
function nothing(failures: readonly Refusal[], isProved: boolean): Found<never> {
  const unreached = failures.filter(({ reason }) => reason !== 'upstream-unwanted')
  const spoken = unreached.findLast(({ reason }) => reason === 'upstream-refused')
  const chosen = spoken ?? unreached.at(-1) ?? failures.at(-1)
  // A certificate that is wrong is wrong a second later.
  const passes = unreached.some(({ reason }) => reason !== 'upstream-tls')
  if (chosen === undefined) throw new Error('an upstream without hosts')
  const details = new Set(failures.flatMap(({ logDetail }) => logDetail ?? []))
  const refusal = new Refusal(chosen.reason, {
    logDetail: [...details].join('; '),
    errorResponse: chosen.errorResponse,
    cause: chosen.cause,
  })
  return { kind: 'nothing', refusal, mayRetry: passes && !isProved }
}

/**
 * Tries the addresses of a host within its part of the time that is left, and adds to the failures. Throws
 * what is final.
 */
async function tryHost<Session>(
  host: UpstreamHost,
  hostsLeft: number,
  search: Running<Session>,
  failures: Refusal[],
): Promise<Exclude<AttemptResult<Session>, { kind: 'failed' }> | { readonly kind: 'failed' }> {
  const { network, deadline, target } = search
  const limitMs = deadline.leftMs / hostsLeft
  const endMs = performance.now() + limitMs
  const give = (failure: Refusal): void => {
    network.hostFailed(host, failure)
    failures.push(failure)
  }
  let endpoints: readonly Endpoint[]
  try {
    endpoints = await endpointsOf(host, limitMs, search)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    give(error)
    return { kind: 'failed' }
  }
  let last: Refusal | undefined
  for (const [index, endpoint] of endpoints.entries()) {
    if (last !== undefined && deadline.leftMs === 0) break
    const dialLimitMs = Math.max(endMs - performance.now(), 0) / (endpoints.length - index)
    const askedAt = performance.now()
    const result = await search.attempt({ endpoint, target, deadline, dialLimitMs })
    const tookMs = performance.now() - askedAt
    if (result.kind === 'session') {
      network.answered(endpoint, 'ok', result.state, tookMs)
      return result
    }
    if (result.kind === 'unwanted') {
      network.answered(endpoint, 'unwanted', result.state, tookMs)
      const logDetail = `${where(host)} is not ${target.wantedSession}`
      failures.push(new Refusal('upstream-unwanted', { logDetail }))
      return result
    }
    const { error, isHarmless } = result
    if (!(error instanceof Refusal)) throw error
    if (isHarmless || isAway(error)) network.addressFailed(endpoint)
    if (!isHarmless) {
      if (isAway(error)) network.hostFailed(host, error)
      throw error
    }
    last = error
  }
  // Perhaps it is somewhere else by now.
  network.addresses.doubt(host)
  if (last !== undefined) give(last)
  return { kind: 'failed' }
}

function isAway({ reason }: Refusal): boolean {
  return reason === 'upstream-unreachable' || reason === 'upstream-timeout'
}

/** Those that failed a moment ago last. */
async function endpointsOf(
  host: UpstreamHost,
  limitMs: number,
  { network, target }: Pick<Search<unknown>, 'network' | 'target'>,
): Promise<readonly Endpoint[]> {
  const found = await network.addresses.find(host, limitMs)
  const addresses = target.isBalanced ? shuffled(found, network.random) : found
  const endpoints = addresses.map((address) => ({ ...host, address }))
  return inRankOrder(endpoints, (one) => (network.isAddressFailing(one) ? 1 : 0))
}
