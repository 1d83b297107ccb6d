import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { Refusal, type Reason } from '../refusal.ts'
import { PacketReader } from '../wire/packet-reader.ts'
import type { ClientCertificate } from './client-certificate.ts'
import type { Entry } from './registry.ts'
import type { LoginWatch } from './revocations.ts'
import type { SessionFacts, SessionObserver, Stage, StageOutcome } from './observer.ts'
import { Patience } from './patience.ts'

export type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** The frontend side of a session before it is spliced: its socket, what was read, what is known. */
export interface Conversation {
  socket: Socket
  reader: PacketReader
  readonly facts: Mutable<SessionFacts>
  readonly entry: Entry
  readonly watch: LoginWatch
  /** How pools name the socket that it came in by. */
  readonly listener: string
  /** How long the client took to answer with its credential: no part of what a login costs. */
  credentialMs: number
  /** How long its database was waited for: no part of it either. */
  pausedMs: number
  /** Whether the client has its AuthenticationOk already. */
  isWelcomed: boolean
}

/** Replaces the plain socket by the one that TLS made of it. */
export function secure(
  conversation: Conversation,
  socket: TLSSocket,
  certificate: ClientCertificate | undefined,
): void {
  conversation.socket = socket
  conversation.reader = new PacketReader(socket)
  conversation.facts.tls = {
    version: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().name,
    ...(typeof socket.servername === 'string' && { serverName: socket.servername }),
    ...(certificate && { certificate }),
  }
}

/**
 * Waits for what the client does, no longer than the limit and not when it is interrupted. The refusal
 * that follows closes what was waited on. Several waits of one stage share a `Patience`.
 */
export async function waitForClient<T>(
  { entry }: Conversation,
  limit: number | Patience,
  reason: Reason | Refusal,
  promise: Promise<T>,
): Promise<T> {
  const { promise: givenUp, reject: giveUp } = Promise.withResolvers<never>()
  const wait = (typeof limit === 'number' ? new Patience(limit) : limit).begin()
  const timer = setTimeout(() => {
    giveUp(typeof reason === 'string' ? new Refusal(reason) : reason)
  }, wait.leftMs)
  entry.whenInterrupted(giveUp)
  try {
    return await Promise.race([promise, givenUp])
  } finally {
    entry.whenInterrupted(undefined)
    clearTimeout(timer)
    wait.stop()
  }
}

/** Runs one stage of a login and tells the observer how long it took, whatever came of it. */
export async function timed<T>(
  observer: SessionObserver,
  session: SessionFacts,
  stage: Stage,
  work: () => Promise<T>,
): Promise<T> {
  const startedAt = performance.now()
  let outcome: StageOutcome = 'failed'
  try {
    const result = await work()
    outcome = 'ok'
    return result
  } finally {
    observer.stage(stage, performance.now() - startedAt, session, outcome)
  }
}
