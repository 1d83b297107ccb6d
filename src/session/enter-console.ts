// From an admission to a client at the SQL console, among the sessions that are open.
import { randomInt } from 'node:crypto'
import { authenticationOk, backendKeyData } from '../wire/write-backend.ts'
import type { ConsoleAdmission } from './attempt.ts'
import { boundsFor } from './bounds-for.ts'
import { BoundsWatch } from './bounds-watch.ts'
import type { Conversation } from './conversation.ts'
import { type LiveSession, secretKeyBytesFor } from './registry.ts'
import { reserveConsole } from './reserve-session.ts'
import type { Rules, SessionServices } from './services.ts'
import { endsAtMs, type SessionBounds } from './session-bounds.ts'
import type { Traffic } from './splice.ts'
import { checkNewerRules, grantOf, watchRight } from './standing-right.ts'

interface Entering {
  readonly conversation: Conversation
  readonly admission: ConsoleAdmission
  readonly rules: Rules
  readonly services: SessionServices
  readonly traffic: Traffic
}

/** Counts it, keeps its record, and lets the console speak. */
export async function enterConsole(entering: Entering): Promise<void> {
  const { conversation, admission, rules, services } = entering
  const { facts, watch } = conversation
  facts.console = admission.guest
  const bounds = boundsFor(facts, rules)
  const release = await reserveConsole(services, rules.limits)
  try {
    watch.check()
    await services.recordAdmission?.(facts)
    // Once more: nothing is waited for from here until it is among the sessions that are open.
    watch.check()
    checkNewerRules(conversation, admission, rules, services.rules())
    sitDown(entering, bounds, release)
  } catch (error) {
    release()
    throw error
  }
}

function sitDown(
  { conversation, admission, services, traffic }: Entering,
  bounds: SessionBounds | undefined,
  release: () => void,
): void {
  const { socket, reader, facts, isWelcomed } = conversation
  const { registry, observer } = services
  const { intent, guest, greeting = Buffer.alloc(0) } = admission
  const admittedAt = performance.now()
  // No other connection of PostgreSQL has it, as far as a client could tell.
  const processId = randomInt(1, 2 ** 31)
  const live: LiveSession = {
    facts,
    grant: grantOf(conversation, admission),
    endsAtMs: bounds && endsAtMs(bounds, services.now().getTime()),
    cancel: async () => {
      sitting.cancel()
      return Promise.resolve()
    },
    drain: () => {
      sitting.endWhenIdle('drain')
    },
    endNow: (reason = 'drain') => {
      sitting.endNow(reason)
    },
  }
  const secretKey = registry.add(processId, live, secretKeyBytesFor(intent.minorVersion))
  const sitting = services.openConsole({
    guest,
    facts,
    intent,
    processId,
    socket,
    reader,
    traffic,
    greeting: Buffer.concat([
      greeting,
      ...(isWelcomed ? [] : [authenticationOk]),
      backendKeyData(processId, secretKey),
    ]),
    onEnd: (reason, bytes) => {
      watch?.stop()
      release()
      stopRechecks()
      registry.remove(processId, secretKey)
      observer.ended(facts, {
        reason,
        bytesFromFrontend: bytes.fromFrontend,
        bytesFromUpstream: bytes.fromConsole,
        durationMs: performance.now() - admittedAt,
      })
    },
  })
  const watch = bounds && new BoundsWatch(bounds, sitting, services.now)
  const stopRechecks = watchRight(live, admission, services)
  observer.admitted(facts)
  sitting.start()
  registry.joinDrain(live)
  watch?.start()
}
