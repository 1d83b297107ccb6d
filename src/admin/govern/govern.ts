// KILL, KILL_CLIENT, REVOKE and RESTORE: what an administrator does to sessions, on every worker.
import type { SessionSelector } from '../../session/session-selector.ts'
import { type Answer, ConsoleError, type ConsoleNotice } from '../answer.ts'
import type { GovernanceAct } from '../console-fleet.ts'
import type { GovernanceStatement, PoolerStatement } from '../grammar/statement.ts'
import { sessionNumber } from '../show/session-number.ts'
import type { GovernContext } from './context.ts'
import { selectorOf } from './criteria.ts'
import { countOf, textOf } from './text.ts'
import { untilOf } from './until.ts'

type Of<Kind extends GovernanceStatement['kind']> = Extract<
  GovernanceStatement,
  { readonly kind: Kind }
>

export async function killSessions(
  { criteria }: Of<'kill sessions'>,
  context: GovernContext,
): Promise<Answer> {
  return kill(selectorOf(criteria, context.position), 'KILL', context)
}

/** By the number that SHOW CLIENTS has for it. */
export async function killClient(
  { id }: Extract<PoolerStatement, { readonly kind: 'kill client' }>,
  context: GovernContext,
): Promise<Answer> {
  const { position, services } = context
  const number = countOf(id, position)
  const { sessions, unanswered } = await services.fleet.sessions({
    selector: {},
    limit: Number.MAX_SAFE_INTEGER,
  })
  const found = sessions.filter(({ session }) => sessionNumber(session) === number)
  if (found.length > 1) {
    throw new ConsoleError({
      sqlstate: '42702',
      message: 'several sessions have this number',
      hint: 'KILL SESSION takes the id in SHOW SESSIONS, which is unique.',
      position,
    })
  }
  const [one] = found
  if (one === undefined) {
    return {
      tag: 'KILL_CLIENT',
      notices: [nobody('no client has this number'), ...silent(unanswered)],
    }
  }
  const { notices } = await kill({ session: one.session }, 'KILL', context)
  return { tag: 'KILL_CLIENT', notices }
}

export async function revokeSessions(
  { criteria, until }: Of<'revoke sessions'>,
  { user, position, services: { fleet } }: GovernContext,
): Promise<Answer> {
  const selector = selectorOf(criteria, position)
  const untilMs = untilOf(textOf(until, position), Date.now(), position)
  await fleet.record({ ...act('revoke', user, selector), untilMs })
  const { ended, unanswered } = await fleet.end({
    selectors: [selector],
    end: 'revoked',
    refusedUntilMs: untilMs,
    by: user.name,
  })
  return { tag: `REVOKE ${ended}`, notices: [untilRestart, ...silent(unanswered)] }
}

export async function restoreSessions(
  { criteria }: Of<'restore sessions'>,
  { user, position, services: { fleet } }: GovernContext,
): Promise<Answer> {
  const selector = selectorOf(criteria, position)
  await fleet.record(act('restore', user, selector))
  const { restored, unanswered } = await fleet.restore(selector)
  const none = nobody(
    'nothing was revoked by just these criteria',
    'SHOW REVOCATIONS lists what was.',
  )
  return {
    tag: `RESTORE ${restored}`,
    notices: [...(restored === 0 ? [none] : []), ...silent(unanswered)],
  }
}

async function kill(
  selector: SessionSelector,
  verb: string,
  { user, services: { fleet } }: GovernContext,
): Promise<Answer> {
  await fleet.record(act('kill', user, selector))
  const { ended, unanswered } = await fleet.end({
    selectors: [selector],
    end: 'killed',
    by: user.name,
  })
  return {
    tag: `${verb} ${ended}`,
    notices: [...(ended === 0 ? [nobody('no session was selected')] : []), ...silent(unanswered)],
  }
}

function act(
  what: GovernanceAct['act'],
  user: GovernanceAct['user'],
  selector: SessionSelector,
): GovernanceAct {
  return { user, act: what, selector }
}

/** The home of the catalog does not keep them. */
const untilRestart: ConsoleNotice = {
  severity: 'NOTICE',
  message: 'this holds until then, or until the service is stopped',
  hint: 'The deny file (deny_file) is kept.',
}

function nobody(message: string, hint?: string): ConsoleNotice {
  return { severity: 'NOTICE', message, hint }
}

function silent(unanswered: number): readonly ConsoleNotice[] {
  if (unanswered === 0) return []
  return [
    {
      severity: 'WARNING',
      message: `${unanswered} worker ${unanswered === 1 ? 'process' : 'processes'} did not answer in time`,
      detail: 'Sessions there are not counted, and may go on.',
      hint: 'Give the statement again.',
    },
  ]
}
