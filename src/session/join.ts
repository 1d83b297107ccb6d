import { cancelUpstream } from '../upstream/cancel.ts'
import type { UpstreamSession } from '../upstream/log-in.ts'
import { closeSession } from '../upstream/close-session.ts'
import type { UpstreamTarget } from '../upstream/target.ts'
import { authenticationOk, backendKeyData } from '../wire/write-backend.ts'
import type { Admission } from './attempt.ts'
import { BoundsWatch } from './bounds-watch.ts'
import type { Conversation } from './conversation.ts'
import type { Pass } from './gates.ts'
import { type LiveSession, secretKeyBytesFor } from './registry.ts'
import type { SessionServices } from './services.ts'
import { endsAtMs, type SessionBounds } from './session-bounds.ts'
import { Splice, type Traffic } from './splice.ts'
import { grantOf, watchRight } from './standing-right.ts'

export interface Joined {
  readonly conversation: Conversation
  readonly admission: Admission
  /** Left at the end of the session. */
  readonly pass: Pass
  readonly target: UpstreamTarget
  readonly upstream: UpstreamSession
  readonly bounds: SessionBounds | undefined
  /** How long the client waited for the upstream. */
  readonly waitedMs: number
  /** Gives back the place of the session; called once, at its end. */
  readonly release: () => void
  readonly services: SessionServices
  readonly traffic: Traffic
}

/** Tells the client that it is in, in one write, and lets the bytes flow. */
export function join(joined: Joined): void {
  const { conversation, admission, pass, target, upstream, bounds, release } = joined
  const { waitedMs, services, traffic } = joined
  const { socket, reader, facts, isWelcomed } = conversation
  const { registry, observer } = services
  const { processId } = upstream
  const admittedAt = performance.now()
  const { giveBack } = upstream
  let wasCancelled = false
  let isGivenBack = false
  const live: LiveSession = {
    facts,
    grant: grantOf(conversation, admission),
    endsAtMs: bounds && endsAtMs(bounds, services.now().getTime()),
    server: { ...upstream.endpoint, localPort: upstream.socket.localPort },
    waitedMs,
    get activity() {
      return splice.activity
    },
    cancel: async () => {
      // Whoever has it by now would have a statement cancelled that is not this client's.
      if (isGivenBack) return
      wasCancelled = true
      await cancelUpstream(upstream.endpoint, target, processId, upstream.secretKey)
    },
    drain: () => {
      splice.endWhenIdle('drain')
    },
    endNow: (reason = 'drain') => {
      splice.endNow(reason)
    },
  }
  const splice = new Splice({
    frontend: socket,
    upstream: upstream.socket,
    traffic,
    keepsTime: bounds?.idleMs !== undefined || bounds?.idleInTransactionMs !== undefined,
    // Where it cannot be delivered the server is gone, and the statement with it.
    cancel: () => void live.cancel().catch(() => {}),
    release:
      giveBack &&
      (() => {
        isGivenBack = true
        // A request that is on its way may arrive at any time.
        if (wasCancelled) closeSession(upstream)
        else giveBack()
      }),
    onEnd: (reason) => {
      watch?.stop()
      release()
      pass.leave()
      stopRechecks()
      registry.remove(processId, secretKey)
      registry.statistics.end(live)
      observer.ended(facts, {
        reason,
        bytesFromFrontend: splice.bytesFromFrontend,
        bytesFromUpstream: splice.bytesFromUpstream,
        durationMs: performance.now() - admittedAt,
      })
    },
  })
  const watch = bounds && new BoundsWatch(bounds, splice, services.now)
  // The upstream's own process id, because clients compare it with that of notifications; the secret
  // is ours, so that a cancel request has to come through here.
  const keyBytes = secretKeyBytesFor(admission.intent.minorVersion)
  const secretKey = registry.add(processId, live, keyBytes)
  const stopRechecks = watchRight(live, admission, services)
  observer.admitted(facts)
  socket.write(
    Buffer.concat([
      ...(isWelcomed ? [] : [authenticationOk]),
      upstream.greeting,
      backendKeyData(processId, secretKey),
      upstream.ready,
    ]),
  )
  splice.start(reader.release(), upstream.early)
  pass.join(splice)
  registry.joinDrain(live)
  watch?.start()
}
