// A session at one of the hosts of an upstream, whichever can be reached and is the right one.
import { setTimeout as delay } from 'node:timers/promises'
import { Refusal } from '../refusal.ts'
import type { ScramKeyCache } from '../sasl/scram-key-cache.ts'
import { closeSession } from './close-session.ts'
import { Deadline } from './deadline.ts'
import { type Endpoint, where } from './endpoint.ts'
import { type AttemptResult, logIn, type LoginRequest, type UpstreamSession } from './log-in.ts'
import type { UpstreamNetwork } from './network.ts'
import { inRankOrder, orderHosts, retryDelayMs, shuffled } from './order-hosts.ts'
import { isPreferred } from './server-state.ts'
import type { UpstreamHost, UpstreamTarget } from './target.ts'

export interface UpstreamAccess {
  readonly keys: ScramKeyCache
  readonly network: UpstreamNetwork
}

/** One login, over all its attempts. */
interface Search extends UpstreamAccess {
  readonly target: UpstreamTarget
  readonly request: LoginRequest
  readonly deadline: Deadline
}

type Found =
  | { readonly kind: 'session'; readonly session: UpstreamSession }
  | { readonly kind: 'nothing'; readonly refusal: Refusal; readonly mayRetry: boolean }

/**
 * Logs in as a role at the first host that can be reached and is what `target_session_attrs` asks for, or
 * throws a Refusal within the deadline of the target. Another address, another host and another try come
 * only where nothing was said that a server could have taken for a login, or where it said by itself that
 * it cannot do it now; what a server thinks of the credential is final.
 */
export async function openSession(
  target: UpstreamTarget,
  request: LoginRequest,
  access: UpstreamAccess,
): Promise<UpstreamSession> {
  const deadline = new Deadline(target)
  const search = { ...access, target, request, deadline }
  try {
    for (let retry = 0; ; retry++) {
      const found = await tryHosts(search)
      if (found.kind === 'session') return found.session
      const waitMs = retryDelayMs(retry, access.network.random)
      const isOver = retry >= target.connectRetries || waitMs >= deadline.leftMs
      if (isOver || !found.mayRetry) throw found.refusal
      await delay(waitMs)
    }
  } finally {
    deadline.stop()
  }
}

/** Tries every host once. */
async function tryHosts(search: Search): Promise<Found> {
  const { target, network, request } = search
  const failures: Refusal[] = []
  /** Good enough, while a better one is looked for. */
  let spare: UpstreamSession | undefined
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
        else closeSession(session)
      }
      // A proof that is relayed is the client's for one server, and it makes no other.
      isProved = result.kind !== 'failed' && request.credential.kind === 'relay'
      if (isProved) break
    }
    if (spare === undefined) return nothing(failures, isProved)
    const session = spare
    spare = undefined
    return { kind: 'session', session }
  } finally {
    if (spare !== undefined) closeSession(spare)
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
function nothing(failures: readonly Refusal[], isProved: boolean): Found {
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
async function tryHost(
  host: UpstreamHost,
  hostsLeft: number,
  search: Search,
  failures: Refusal[],
): Promise<Exclude<AttemptResult, { kind: 'failed' }> | { readonly kind: 'failed' }> {
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
    const result = await logIn({ ...search, endpoint, dialLimitMs })
    if (result.kind === 'session') {
      network.answered(endpoint, 'ok', result.state)
      return result
    }
    if (result.kind === 'unwanted') {
      network.answered(endpoint, 'unwanted', result.state)
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
  { network, target }: Pick<Search, 'network' | 'target'>,
): Promise<readonly Endpoint[]> {
  const found = await network.addresses.find(host, limitMs)
  const addresses = target.isBalanced ? shuffled(found, network.random) : found
  const endpoints = addresses.map((address) => ({ ...host, address }))
  return inRankOrder(endpoints, (one) => (network.isAddressFailing(one) ? 1 : 0))
}
