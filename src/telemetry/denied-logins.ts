import { printable, type Reason, type Refusal } from '../refusal.ts'
import type { DeniedLogin, ExplainedDenial } from '../session/denied-login.ts'
import type { SessionFacts, SessionObserver } from '../session/observer.ts'
import { explain } from './log.ts'
import { redact } from './safe-line.ts'

/** Of each reason, so that a flood of one does not push out the others. */
const keptOfEach = 50
/** Of the latest of each reason it is kept how they came about. */
const explainedOfEach = 20
const maxSteps = 40
const longestText = 300
/** Of all steps of one login. */
const maxStepsLength = 4_000

export interface DeniedLogins extends SessionObserver {
  /** The latest first. */
  readonly latest: readonly DeniedLogin[]
  /** By the reference that its client was given. */
  find(reference: string): ExplainedDenial | undefined
}

type Explanation = Omit<ExplainedDenial, keyof DeniedLogin>

interface Kept {
  readonly login: DeniedLogin
  explanation: Explanation
}

/** Keeps the last logins that were refused, for whoever asks why. */
export function keepDeniedLogins(): DeniedLogins {
  const byReason = new Map<Reason, Kept[]>()
  return {
    opened() {},
    stage() {},
    admitted() {},
    refused(session, refusal) {
      const kept = byReason.get(refusal.reason) ?? []
      byReason.set(refusal.reason, kept)
      kept.push({ login: deniedLogin(session, refusal), explanation: explained(session, refusal) })
      if (kept.length > keptOfEach) kept.shift()
      const old = kept.at(-1 - explainedOfEach)
      if (old !== undefined) old.explanation = forgotten
    },
    abandoned() {},
    discovered() {},
    cancelled() {},
    ended() {},
    get latest() {
      return [...byReason.values()]
        .flat()
        .map(({ login }) => login)
        .sort((one, other) => other.atMs - one.atMs)
    },
    find(reference) {
      for (const kept of byReason.values()) {
        const found = kept.findLast(({ login }) => login.session === reference)
        if (found !== undefined) return { ...found.login, ...found.explanation }
      }
      return undefined
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

const forgotten: Explanation = { steps: [], told: undefined, why: undefined }

function explained({ steps, told }: SessionFacts, refusal: Refusal): Explanation {
  const cause = refusal.cause === undefined ? [] : [explain(refusal.cause)]
  const why = [refusal.logDetail ?? [], cause].flat().join(': ')
  return {
    steps: shortened(steps?.read() ?? []),
    told: told && {
      sqlstate: told.sqlstate,
      message: short(told.message, longestText),
      detail: told.detail === undefined ? undefined : short(told.detail, longestText),
      hint: told.hint === undefined ? undefined : short(told.hint, longestText),
    },
    why: why === '' ? undefined : short(why, longestText),
  }
}

/** The last one is the one that failed: where there are too many, those before it go. */
function shortened(steps: ExplainedDenial['steps']): ExplainedDenial['steps'] {
  const kept: ExplainedDenial['steps'][number][] = []
  let length = 0
  for (const { check, compared, passed } of steps.toReversed().slice(0, maxSteps)) {
    const shown = { check, compared: short(compared, longestText), passed }
    length += shown.compared.length
    if (length > maxStepsLength) break
    kept.push(shown)
  }
  return kept.toReversed()
}

function safe(value: string | undefined): string | undefined {
  return value === undefined ? undefined : short(value)
}

// Redacted before it is cut short: a part of a token would no longer look like one.
function short(value: string, longest?: number): string {
  return printable(redact(value), longest)
}
