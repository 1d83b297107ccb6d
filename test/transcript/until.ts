// The real clock, also where a test has made the time of the code under test its own.
import { performance } from 'node:perf_hooks'

const defaultDeadlineMs = 4_000

/** Waits, turn by turn of the event loop, until something is so. */
export async function until(
  what: string,
  isSo: () => boolean,
  deadlineMs = defaultDeadlineMs,
): Promise<void> {
  const startedAt = performance.now()
  while (!isSo()) {
    if (performance.now() - startedAt > deadlineMs) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Lets the event loop deliver what is on its way over loopback. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}
