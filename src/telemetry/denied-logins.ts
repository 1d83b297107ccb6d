import { printable, type Reason, type Refusal } from '../refusal.ts'
import type { DeniedLogin } from '../session/denied-login.ts'
import type { SessionFacts, SessionObserver } from '../session/observer.ts'
import { redact } from './safe-line.ts'

/** Of each reason, so that a flood of one does not push out the others. */
const keptOfEach = 50

export interface DeniedLogins extends SessionObserver {
  /** The latest first. */
  readonly latest: readonly DeniedLogin[]
}

/** Keeps the last logins that were refused, for whoever asks why. */
export function keepDeniedLogins(): DeniedLogins {
  const byReason = new Map<Reason, DeniedLogin[]>()
  return {
    opened() {},
    stage() {},
    admitted() {},
    refused(session, refusal) {
      const kept = byReason.get(refusal.reason) ?? []
      byReason.set(refusal.reason, kept)
      kept.push(deniedLogin(session, refusal))
      if (kept.length > keptOfEach) kept.shift()
    },
    abandoned() {},
    discovered() {},
    cancelled() {},
    ended() {},
    get latest() {
      return [...byReason.values()].flat().sort((one, other) => other.atMs - one.atMs)
    },
  }
}

function deniedLogin(session: SessionFacts, { reason, sqlstate }: Refusal): DeniedLogin {
  const { id, peer, requested, pool, integration, identity, standsFor } = session
  return {
    atMs: Date.now(),
    reason,
    sqlstate,
    count: standsFor?.count ?? 1,
    address: peer.address,
    user: safe(requested?.user),
    database: safe(requested?.database),
    application: safe(requested?.applicationName),
    pool,
    integration,
    issuer: identity?.issuer,
    subject: safe(identity?.subject),
    principal: safe(identity?.principal),
    session: id,
  }
}

// Redacted before it is cut short: a part of a token would no longer look like one.
function safe(value: string | undefined): string | undefined {
  return value === undefined ? undefined : printable(redact(value))
}
