// What a console session asks of the process that has the catalog and all sessions.
import type { ConsoleRight } from '../session/console-guest.ts'
import type { Answer, ConsoleFault } from './answer.ts'

export type { ConsoleRight }

/** Who sits at the console. */
export interface ConsoleUser {
  /** The principal, or the name of who came in without single sign-on. */
  readonly name: string
  readonly right: ConsoleRight
  /** `web`: on a page, where somebody came by single sign-on, too. */
  readonly by: 'sso' | 'secret' | 'socket' | 'web'
  readonly issuer: string | undefined
  readonly subject: string | undefined
  readonly address: string
  /** The id of the console session, or of that in the browser, as in the log and the audit. */
  readonly session: string
  /** The database that it is connected to: `system`, `portcullis` or `pgbouncer`; on a page it is `system`. */
  readonly database: string
}

/**
 * One statement of a text. It is the text that crosses the channel: a secret of a parsed statement does not
 * let itself be copied.
 */
export interface ConsoleOrder {
  readonly text: string
  /** Which of its statements, from 0 on. */
  readonly index: number
  /** Of the extended protocol, as text. */
  readonly parameters: readonly string[]
  readonly user: ConsoleUser
  /** Set where the statement was given before and its answer was `waiting`: a word of the primary's own. */
  readonly ticket?: string | undefined
  /** With a ticket: nobody waits for the answer any more. */
  readonly isAbandoned?: boolean | undefined
}

export type ConsoleReply =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'fault'; readonly fault: ConsoleFault }
  /** What is waited for has not come about yet: the order is to be given again, with the ticket. */
  | { readonly kind: 'waiting'; readonly ticket: string }
