// What a replica may ask of another, and what its answers look like: everything else is none.
import { callTimeoutMs } from './bus.ts'

interface PeerMethod {
  /** Strangers can cause such calls as often as they like, so that they are bounded in rate. */
  readonly isOfStrangers?: true
  /** What has to hold everywhere: whoever is silent may be cut off from the store alone, and let people in all the same. */
  readonly isForAll?: true
  readonly isAnswer: (answer: unknown) => boolean
}

const isCount = (answer: unknown): boolean => Number.isSafeInteger(answer) && Number(answer) >= 0
const isObject = (answer: unknown): boolean => typeof answer === 'object' && answer !== null
const cancelOutcomes: ReadonlySet<unknown> = new Set(['forwarded', 'unknown-key', 'failed'])

const peerMethods = {
  endSessions: { isForAll: true, isAnswer: isCount },
  restoreSessions: { isForAll: true, isAnswer: isCount },
  listSessions: { isAnswer: isSessionList },
  gates: { isForAll: true, isAnswer: isCensus },
  lookAt: { isAnswer: isObject },
  findDenied: { isAnswer: (answer) => answer === undefined || isObject(answer) },
  cancel: { isOfStrangers: true, isAnswer: (answer) => cancelOutcomes.has(answer) },
  signIn: { isOfStrangers: true, isAnswer: isReply },
} as const satisfies Readonly<Record<string, PeerMethod>>

export type PeerMethodName = keyof typeof peerMethods

export function peerMethod(method: string): PeerMethod | undefined {
  return Object.hasOwn(peerMethods, method) ? peerMethods[method as PeerMethodName] : undefined
}

/** A request that is read later than this is not carried out: it would hit what came since. */
export const requestLifeMs = callTimeoutMs

function isCensus(answer: unknown): boolean {
  if (typeof answer !== 'object' || answer === null) return false
  const { busy, old } = answer as Readonly<Record<string, unknown>>
  return isCount(busy) && isCount(old)
}

function isSessionList(answer: unknown): boolean {
  if (typeof answer !== 'object' || answer === null) return false
  const { sessions, total, unanswered } = answer as Readonly<Record<string, unknown>>
  return (
    Array.isArray(sessions) && sessions.every(isObject) && isCount(total) && isCount(unanswered)
  )
}

function isReply(answer: unknown): boolean {
  return (
    typeof answer === 'object' &&
    answer !== null &&
    'kind' in answer &&
    typeof answer.kind === 'string'
  )
}
