import type { Driver } from './driver.ts'
import type { ClientRun } from './run-client.ts'
import { type StepName, stepNames } from './steps.ts'

/** What a step came to, with and without Portcullis. */
export interface Verdict {
  readonly step: StepName
  /** `limit`: the driver has no such thing, with Portcullis or without. */
  readonly outcome: 'passed' | 'failed' | 'limit'
  readonly detail: string
}

export interface DriverResult {
  readonly driver: Driver
  readonly version: string
  readonly buildSeconds: number
  readonly runSeconds: number
  readonly verdicts: readonly Verdict[]
}

/** What the server says of a wrong password, and Portcullis of a wrong token. */
const refusal = 'password authentication failed for user "app_readwrite"'
const sqlstateOrNone = /^(28P01|no SQLSTATE): /

export function judge(
  direct: ClientRun,
  gated: ClientRun,
  bothTokensUsed: boolean,
): readonly Verdict[] {
  return stepNames.map((step) => {
    const complaint = complain(step, direct, gated, bothTokensUsed)
    const line = gated.lines.get(step)
    if (complaint !== undefined) return { step, outcome: 'failed', detail: complaint }
    return {
      step,
      outcome: line?.ok === null ? 'limit' : 'passed',
      detail: line?.detail ?? '',
    }
  })
}

function complain(
  step: StepName,
  direct: ClientRun,
  gated: ClientRun,
  bothTokensUsed: boolean,
): string | undefined {
  const without = direct.lines.get(step)
  const withGate = gated.lines.get(step)
  if (without === undefined) return `direct: no result. ${direct.failure ?? ''}`
  if (withGate === undefined) return `through Portcullis: no result. ${gated.failure ?? ''}`
  if (without.ok === false && withGate.ok === false)
    return `direct and through Portcullis: ${without.detail} | ${withGate.detail}`
  if (without.ok === false) return `direct only: ${without.detail}`
  if (withGate.ok === false) return `through Portcullis only: ${withGate.detail}`
  if (without.ok !== withGate.ok) return 'a limit of the driver here, and none there'

  switch (step) {
    case 'parameters':
      return without.detail === withGate.detail
        ? undefined
        : `direct ${without.detail}, through Portcullis ${withGate.detail}`
    case 'wrong-token':
    case 'expired-token':
      return complainAboutRefusal(without.detail, withGate.detail)
    case 'fresh-token':
      return bothTokensUsed || withGate.ok === null
        ? undefined
        : 'the audit does not show a session by each of the two tokens'
    default:
      return undefined
  }
}

function complainAboutRefusal(direct: string, gated: string): string | undefined {
  const shown = sqlstateOrNone.exec(gated)?.[1]
  if (shown === undefined || !gated.includes(refusal)) return `shown instead: ${gated}`
  const shownDirect = sqlstateOrNone.exec(direct)?.[1]
  return shown === shownDirect
    ? undefined
    : `SQLSTATE: ${shownDirect ?? 'another'} direct, ${shown} through Portcullis`
}
