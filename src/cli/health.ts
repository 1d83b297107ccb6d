import { setTimeout as delay } from 'node:timers/promises'
import { askHealth, type Health, healthBase, type HealthPlace } from './ask-health.ts'
import { readTimeout } from './read-timeout.ts'
import { WrongUsage } from './wrong-usage.ts'

export interface HealthcheckOptions extends HealthPlace {
  readonly live?: boolean
  readonly timeout: string
}

export interface WaitOptions extends HealthPlace {
  readonly timeout: string
}

/** So long one question of `wait` may take: a service that does not answer is asked again. */
const questionTimeoutMs = 5_000
const shortestPauseMs = 50
const longestPauseMs = 1_000

/** Asks once. Returns the exit code. */
export async function healthcheck(options: HealthcheckOptions): Promise<number> {
  return withUsage(async () => {
    const question = options.live === true ? 'liveness' : 'readiness'
    const health = await askHealth(healthBase(options), question, readTimeout(options.timeout))
    if (health.is !== 'well') return notReady(`not ${goodWord(question)}`, health)
    process.stdout.write(`${[goodWord(question), ...health.remarks].join('; ')}\n`)
    return 0
  })
}

/** Asks until the service is ready, or until the time is up. Returns the exit code. */
export async function waitUntilReady(options: WaitOptions): Promise<number> {
  return withUsage(async () => {
    const base = healthBase(options)
    const endsAt = performance.now() + readTimeout(options.timeout)
    let pauseMs = shortestPauseMs
    for (;;) {
      const leftMs = endsAt - performance.now()
      const timeoutMs = Math.ceil(Math.min(Math.max(leftMs, 1), questionTimeoutMs))
      const health = await askHealth(base, 'readiness', timeoutMs)
      if (health.is === 'well') {
        for (const remark of health.remarks) process.stderr.write(`portcullis: ${remark}\n`)
        return 0
      }
      if (performance.now() + pauseMs >= endsAt) {
        return notReady(`not ready within ${options.timeout}`, health)
      }
      await delay(pauseMs)
      pauseMs = Math.min(2 * pauseMs, longestPauseMs)
    }
  })
}

function goodWord(question: 'readiness' | 'liveness'): string {
  return question === 'readiness' ? 'ready' : 'alive'
}

function notReady(what: string, { reasons }: Exclude<Health, { readonly is: 'well' }>): number {
  const why = reasons.length === 0 ? '' : `: ${reasons.join('; ')}`
  process.stderr.write(`portcullis: ${what}${why}\n`)
  return 1
}

async function withUsage(act: () => Promise<number>): Promise<number> {
  try {
    return await act()
  } catch (error) {
    // Loaded where something is wrong alone: it brings the whole of the configuration.
    const { describeFailure } = await import('./failure.ts')
    process.stderr.write(describeFailure(error))
    if (error instanceof WrongUsage) return 64
    return error instanceof Error && error.name === 'ConfigError' ? 78 : 1
  }
}
