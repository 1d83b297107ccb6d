// Statements that are answered when something has come about.
import { setTimeout as delay } from 'node:timers/promises'
import { type Answer, ConsoleError } from '../answer.ts'

/** What the order says of a statement that was given before. */
export interface WaitOrder {
  readonly ticket?: string | undefined
  readonly isAbandoned?: boolean | undefined
}

/** To be given again, with the ticket. */
export interface Waiting {
  readonly ticket: string
}

export type Outcome = Answer | Waiting

export interface Wait {
  readonly command: string
  readonly ticket: string
  readonly isDone: () => Promise<boolean>
  /** Takes back what can be, and gives a sentence about how things are now. */
  readonly giveUp: () => Promise<string | undefined>
}

/** An order is answered within the deadline of the channel, and asks for nothing while nobody asks for it. */
const longestOrderMs = 1_000
const betweenMs = 50

export async function waitFor(wait: Wait, { isAbandoned }: WaitOrder): Promise<Outcome> {
  if (isAbandoned === true) {
    const detail = await wait.giveUp()
    const message = 'canceling statement due to user request'
    throw new ConsoleError({ sqlstate: '57014', message, detail })
  }
  const startedAt = performance.now()
  for (;;) {
    if (await wait.isDone()) return { tag: wait.command }
    if (performance.now() - startedAt > longestOrderMs) return { ticket: wait.ticket }
    await delay(betweenMs)
  }
}

export function isWaiting(outcome: Outcome): outcome is Waiting {
  return 'ticket' in outcome
}
