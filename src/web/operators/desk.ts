// What the pages for operators are made with: the console's services, and what was asked of them a moment ago.
import type { Context } from 'hono'
import type { ConsoleFleet, Gathered } from '../../admin/console-fleet.ts'
import type { ConsoleUser } from '../../admin/order.ts'
import type { ConsoleRight } from '../../policy/catalog.ts'
import type { DeniedLogin } from '../../session/denied-login.ts'
import type { ProcessView, ViewName } from '../../session/process-view.ts'
import type { SessionSelector } from '../../session/session-selector.ts'
import type { SessionList } from '../../session/session-summary.ts'
import { addressOf } from '../client-address.ts'
import type { WebServices } from '../services.ts'
import type { Visitor, WebEnv } from '../visitor.ts'
import { Shared } from './shared.ts'

/** So many rows a page has at most. */
export const mostRows = 500

/** So old may be what a page shows that is opened. */
const pageMs = 1_000

/** Somebody who may look. */
export interface Operator extends Visitor {
  readonly right: ConsoleRight
}

export class Desk {
  readonly services: WebServices
  readonly #shared: Shared

  constructor(services: WebServices) {
    this.services = services
    this.#shared = new Shared(() => performance.now())
  }

  async sessions(selector: SessionSelector, oldestMs = pageMs): Promise<SessionList> {
    return this.#shared.get(`sessions ${JSON.stringify(selector)}`, oldestMs, async () =>
      this.#fleet.sessions({ selector, limit: mostRows }),
    )
  }

  async ask<Name extends ViewName>(
    name: Name,
    oldestMs = pageMs,
  ): Promise<Gathered<ProcessView[Name]>> {
    return this.#shared.get(`view ${name}`, oldestMs, async () => this.#fleet.ask(name))
  }

  /** The latest first. */
  async refusals(oldestMs = pageMs): Promise<{
    readonly latest: readonly DeniedLogin[]
    readonly unanswered: number
  }> {
    const { answers, unanswered } = await this.ask('denials', oldestMs)
    const latest = answers.flat().sort((one, other) => other.atMs - one.atMs)
    return { latest, unanswered }
  }

  /** Something was done. */
  forget(): void {
    this.#shared.clear()
  }

  get now(): number {
    return this.services.now().getTime()
  }

  get #fleet(): ConsoleFleet {
    return this.services.fleet
  }
}

/** As the console knows it: its rights, its log and its audit are those of the console. */
export function consoleUser(
  c: Context<WebEnv>,
  { session, name, right }: Operator,
  { isBehindProxy }: Pick<WebServices, 'isBehindProxy'>,
): ConsoleUser {
  const { issuer, subject } = session.identity
  const address = addressOf(c, isBehindProxy)
  return {
    name,
    right,
    by: 'web',
    issuer,
    subject,
    address,
    session: session.id,
    database: 'system',
  }
}
