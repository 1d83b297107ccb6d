import { isLoopback } from '../addresses.ts'
import type { Finding, View } from './view.ts'

/** What vouches for us at a collector is not sent in the clear. */
export function* checkTelemetry({ root: { telemetry } }: View): Generator<Finding> {
  for (const signal of ['traces', 'metrics'] as const) {
    const collector = telemetry?.[signal]
    if (collector === undefined) continue
    const { protocol, hostname } = new URL(collector.endpoint)
    if (protocol === 'https:') continue
    const path = ['telemetry', signal]
    if (Object.keys(collector.headers).length > 0 && !isLoopback(hostname)) {
      const message = 'are only sent over `https`, or to this machine: they may be secrets'
      yield { path: [...path, 'headers'], message, isAboutKey: true }
    }
    if (collector.ca !== undefined) {
      const message = 'has no effect: `endpoint` is `http`'
      yield { path: [...path, 'ca'], message, isAboutKey: true }
    }
  }
}
