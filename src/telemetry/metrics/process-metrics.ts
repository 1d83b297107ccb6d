import { readdirSync } from 'node:fs'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Series } from './series.ts'

const lagResolutionMs = 20

/** Measures the event loop until what is returned is called. */
export function measureEventLoop(registry: Registry): () => void {
  const delay = monitorEventLoopDelay({ resolution: lagResolutionMs })
  delay.enable()
  // The histogram holds the time between two ticks of a timer: what exceeds its interval is the lag.
  const lagSeconds = (ns: number): number => Math.max(0, ns / 1e9 - lagResolutionMs / 1e3)

  new Gauge({
    name: 'portcullis_event_loop_lag_seconds',
    help: 'By how much timers were late since the last scrape.',
    labelNames: ['statistic'],
    aggregator: 'max',
    registers: [registry],
    collect() {
      this.set({ statistic: 'p50' }, lagSeconds(delay.percentile(50)))
      this.set({ statistic: 'p99' }, lagSeconds(delay.percentile(99)))
      this.set({ statistic: 'max' }, lagSeconds(delay.max))
      delay.reset()
    },
  })
  return () => {
    delay.disable()
  }
}

export function measureProcess({ gauge, read }: Series, registry: Registry): void {
  new Counter({
    name: 'portcullis_process_cpu_seconds_total',
    help: 'CPU time used, user and system.',
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    },
  })
  read(['process_resident_memory_bytes', 'Resident memory.'], () => process.memoryUsage.rss())
  read(['process_open_fds', 'Open file descriptors.'], countFileDescriptors)
  gauge(
    ['process_start_time_seconds', 'When the oldest process started, in seconds since 1970.'],
    [],
    'min',
  ).set(performance.timeOrigin / 1000)
}

/** Undefined where the system has no /proc. */
function countFileDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}
