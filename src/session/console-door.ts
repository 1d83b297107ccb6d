// The SQL console, as a session sees it: what speaks with a client that is let in there.
import type { PacketReader } from '../wire/packet-reader.ts'
import type { Duplex } from 'node:stream'
import type { Bounded } from './bounds-watch.ts'
import type { ClientIntent } from './client-intent.ts'
import type { ConsoleGuest } from './console-guest.ts'
import type { EndReason, SessionFacts } from './observer.ts'
import type { Traffic } from './splice.ts'

export interface ConsoleVisit {
  readonly guest: ConsoleGuest
  readonly facts: SessionFacts
  readonly intent: ClientIntent
  /** That of the cancel key. */
  readonly processId: number
  readonly socket: Duplex
  /** Has what came behind the login. */
  readonly reader: PacketReader
  readonly traffic: Traffic
  /** In front of the first thing that the console says. */
  readonly greeting: Buffer
  /** Called once, when the client is gone. */
  readonly onEnd: (reason: EndReason, bytes: ConsoleBytes) => void
}

export interface ConsoleBytes {
  readonly fromFrontend: number
  readonly fromConsole: number
}

/** A client at the console. */
export interface ConsoleSitting extends Bounded {
  start(): void
  /** Ends the statement that waits, if one does. */
  cancel(): void
}

export type OpenConsole = (visit: ConsoleVisit) => ConsoleSitting
