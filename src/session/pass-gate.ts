// Between who somebody is and their session: whether the database takes sessions now.
import { Refusal } from '../refusal.ts'
import type { Admission } from './attempt.ts'
import { type Conversation, waitForClient } from './conversation.ts'
import type { Pass } from './gates.ts'
import type { Rules, SessionServices } from './services.ts'
import { newerRules } from './standing-right.ts'

export interface Passed {
  readonly pass: Pass
  /** Those to go upstream by: while it waited the database may have moved. */
  readonly rules: Rules
}

/** Waits while the database is paused. What is returned is the caller's to leave. */
export async function passGate(
  conversation: Conversation,
  admission: Admission,
  rules: Rules,
  services: SessionServices,
): Promise<Passed> {
  const { gates, registry } = services
  const { database } = admission.intent
  const pass = gates.enter(database)
  if (pass !== undefined) return { pass, rules }
  registry.refuseWhileDraining()
  const late = await wait(conversation, admission, rules, services)
  try {
    const { identity } = conversation.facts
    if (identity !== undefined && identity.expiresAt <= services.now()) {
      throw new Refusal('token-expired', { logDetail: 'while the database was paused' })
    }
    const current = newerRules(conversation, admission, rules, services.rules())
    conversation.facts.catalogVersion = current.catalogVersion
    return { pass: late, rules: current }
  } catch (error) {
    late.leave()
    throw error
  }
}

async function wait(
  conversation: Conversation,
  admission: Admission,
  { timeouts, limits }: Rules,
  { gates }: SessionServices,
): Promise<Pass> {
  const { database } = admission.intent
  const isVouchedFor = admission.kind === 'token'
  const most = limits.maxPausedLogins
  // Whoever has not proved anything yet cannot keep out those who have.
  const waiting = gates.wait(database, isVouchedFor ? most : Math.ceil(most / 2))
  // And who is vouched for takes no place of those who are not.
  if (isVouchedFor) conversation.entry.place.release()
  const { pauseMs } = timeouts
  const late = new Refusal('pause-timeout', {
    values: { database, seconds: Math.round(pauseMs / 1_000) },
  })
  const askedAt = performance.now()
  try {
    const either = Promise.race([waiting.turn, conversation.reader.lost()])
    await waitForClient(conversation, pauseMs, late, either)
    return waiting.take()
  } finally {
    waiting.leave()
    conversation.pausedMs += performance.now() - askedAt
  }
}
