// A WarmSessions with a clock of its own, and what the server in front of it answers in rows.
import { createSecureContext } from 'node:tls'
import { ScramKeyCache } from '../../src/sasl/scram-key-cache.ts'
import { UpstreamNetwork } from '../../src/upstream/network.ts'
import type { UpstreamTarget } from '../../src/upstream/target.ts'
import { WarmSessions } from '../../src/upstream/warm-sessions.ts'
import { cstrings, int16, int32, message } from '../unit/wire/bytes.ts'

/** The answer to a SELECT of one row, up to its ReadyForQuery. Types are those of pg_type. */
export function row(types: readonly number[], values: readonly string[]): Buffer {
  const columns = types.map((type) =>
    Buffer.concat([
      cstrings('x'),
      ...[int32(0), int16(0), int32(type), int16(1), int32(-1), int16(0)],
    ]),
  )
  const fields = values.map((value) => Buffer.concat([int32(value.length), Buffer.from(value)]))
  return Buffer.concat([
    message('T', Buffer.concat([int16(types.length), ...columns])),
    message('D', Buffer.concat([int16(types.length), ...fields])),
    message('C', 'SELECT 1\0'),
  ])
}

export interface Warm {
  readonly clock: { nowMs: number }
  /** What it told its observer. */
  readonly events: string[]
  readonly warm: WarmSessions
  readonly target: UpstreamTarget
}

export function startWarm(port: number, limits: NonNullable<UpstreamTarget['warm']>): Warm {
  const clock = { nowMs: 0 }
  const events: string[] = []
  const warm = new WarmSessions(
    { keys: new ScramKeyCache(10), network: new UpstreamNetwork() },
    {
      warmLogin: (outcome) => events.push(outcome),
      warmSessions: (event, count) => events.push(`${event} ${count}`),
    },
    () => clock.nowMs,
  )
  const target: UpstreamTarget = {
    hosts: [{ host: '127.0.0.1', port }],
    isBalanced: false,
    wantedSession: 'any',
    connectRetries: 0,
    database: 'sandbox',
    tls: 'disable',
    secureContext: createSecureContext(),
    serverName: undefined,
    channelBinding: 'prefer',
    protocol: '3.0',
    connectTimeoutMs: 10_000,
    warm: limits,
    credentials: { method: 'trust' },
  }
  warm.adopt([target])
  return { clock, events, warm, target }
}
