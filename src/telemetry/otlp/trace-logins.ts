// One trace for each login: what observers are told of it, as spans.
import { randomBytes } from 'node:crypto'
import type { Refusal } from '../../refusal.ts'
import type { SessionFacts, SessionObserver } from '../../session/observer.ts'

export type Attributes = Readonly<Record<string, string | number>>

export interface Span {
  readonly traceId: string
  readonly spanId: string
  /** Undefined for that of the login itself. */
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly kind: 'server' | 'client' | 'internal'
  /** Milliseconds since 1970, with fractions. */
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Attributes
  /** What it failed by, where it did. */
  readonly error: string | undefined
}

interface TraceOptions {
  /** The part of logins that is traced. */
  readonly sampleRatio: number
  readonly onTrace: (spans: readonly Span[]) => void
  readonly random?: () => number
  /** Milliseconds since 1970, with fractions, that never step back. */
  readonly nowMs?: () => number
}

interface Login {
  readonly startMs: number
  readonly stages: Span[]
  readonly spanId: string
}

/** No login has so many stages. */
const maxStages = 32

/** Nothing of a login that nobody has vouched for yet is an attribute: clients put secrets into wrong places. */
export function traceLogins({
  sampleRatio,
  onTrace,
  random = Math.random,
  nowMs = () => performance.timeOrigin + performance.now(),
}: TraceOptions): SessionObserver {
  // Those that are under way; a session that is never told to have been decided is let go with its facts.
  const logins = new WeakMap<SessionFacts, Login>()

  function decided(session: SessionFacts, outcome: string, refusal?: Refusal): void {
    const login = logins.get(session)
    if (login === undefined) return
    logins.delete(session)
    const root: Span = {
      traceId: traceIdOf(session),
      spanId: login.spanId,
      parentSpanId: undefined,
      name: 'login',
      kind: 'server',
      startMs: login.startMs,
      endMs: nowMs(),
      attributes: {
        ...attributesOf(session),
        'portcullis.outcome': outcome,
        ...(refusal !== undefined && {
          'error.type': refusal.reason,
          'db.response.status_code': refusal.sqlstate,
        }),
        ...(outcome === 'admitted' &&
          session.requested !== undefined && { 'db.namespace': session.requested.database }),
      },
      error: refusal?.reason,
    }
    onTrace([root, ...login.stages])
  }

  return {
    opened(session) {
      if (random() >= sampleRatio) return
      logins.set(session, { startMs: nowMs(), stages: [], spanId: newSpanId() })
    },
    stage(stage, durationMs, session, outcome) {
      const login = logins.get(session)
      // The total is the login itself.
      if (login === undefined || stage === 'total' || login.stages.length >= maxStages) return
      const endMs = nowMs()
      login.stages.push({
        traceId: traceIdOf(session),
        spanId: newSpanId(),
        parentSpanId: login.spanId,
        name: stage,
        kind: stage === 'upstream' || stage === 'exchange' ? 'client' : 'internal',
        startMs: endMs - durationMs,
        endMs,
        attributes: {},
        error: outcome === 'ok' ? undefined : 'failed',
      })
    },
    admitted(session) {
      decided(session, 'admitted')
    },
    refused(session, refusal) {
      decided(session, 'refused', refusal)
    },
    abandoned(session) {
      decided(session, 'abandoned')
    },
    discovered(session) {
      decided(session, 'discovered')
    },
    // It is no login.
    cancelled(session) {
      logins.delete(session)
    },
    ended() {},
  }
}

/** The id of the session is random, and so log, audit and trace have one name for it. */
function traceIdOf({ id }: SessionFacts): string {
  return id.replaceAll('-', '')
}

function newSpanId(): string {
  return randomBytes(8).toString('hex')
}

/** By the semantic conventions where they have a name for it. */
function attributesOf(session: SessionFacts): Attributes {
  const { id, peer, listener, pool, integration, tls, identity, role } = session
  const isUnix = peer.address === 'unix'
  return {
    'portcullis.correlation_id': id,
    'db.system.name': 'postgresql',
    'network.transport': isUnix ? 'unix' : 'tcp',
    ...(!isUnix && {
      'client.address': peer.address,
      'client.port': peer.port,
      'network.type': peer.address.includes(':') ? 'ipv6' : 'ipv4',
    }),
    'server.address': listener.address,
    ...(!isUnix && { 'server.port': listener.port }),
    ...(tls !== undefined && {
      'tls.protocol.name': 'tls',
      'tls.protocol.version': tls.version.replace(/^TLSv/, ''),
      'tls.cipher': tls.cipher,
    }),
    ...(session.catalogVersion !== undefined && {
      'portcullis.catalog_version': session.catalogVersion,
    }),
    ...(session.authMethod !== undefined && { 'portcullis.auth_method': session.authMethod }),
    ...(session.credential !== undefined && { 'portcullis.credential': session.credential }),
    ...(pool !== undefined && { 'portcullis.pool': pool }),
    ...(integration !== undefined && { 'portcullis.integration': integration }),
    ...(identity !== undefined && { 'portcullis.issuer': identity.issuer }),
    ...(role !== undefined && { 'portcullis.role': role }),
  }
}
