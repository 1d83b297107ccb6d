import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Finding, Run } from './engine.ts'
import type { TargetName } from './targets/names.ts'

export interface WorkerOptions {
  readonly target: TargetName
  readonly seed: number
  readonly maxInputs: number
  readonly maxMs: number
  /** Two words, of which the first counts the inputs and the second is the length; then the input. */
  readonly shared: SharedArrayBuffer
}

export type Report = { readonly kind: 'done'; readonly run: Run } | { readonly kind: 'absent' }

export type Watched = Report | { readonly kind: 'broken'; readonly finding: Finding }

/** No input takes this long: sessions have deadlines of their own that are shorter. */
const hangMs = 30_000
const lookEveryMs = 1_000
const endMs = 2_000
/** Until the first input. */
const loadingMs = 120_000
const sharedBytes = 8 + 16_384

/** Runs a target in a thread, and ends it where an input takes for ever or brings the thread down. */
export async function watch(options: Omit<WorkerOptions, 'shared'>): Promise<Watched> {
  const shared = new SharedArrayBuffer(sharedBytes)
  const beats = new Int32Array(shared, 0, 2)
  const worker = new Worker(new URL('worker.ts', import.meta.url), {
    workerData: { ...options, shared } satisfies WorkerOptions,
  })
  const broken = (problem: string): Watched => ({
    kind: 'broken',
    finding: { input: Buffer.from(new Uint8Array(shared, 8, Atomics.load(beats, 1))), problem },
  })
  const { promise, resolve } = Promise.withResolvers<Watched>()
  let beat = 0
  let movedAt = performance.now()
  const look = setInterval(() => {
    const now = performance.now()
    const latest = Atomics.load(beats, 0)
    if (latest !== beat) [beat, movedAt] = [latest, now]
    if (now - movedAt > (beat === 0 ? loadingMs : hangMs)) {
      resolve(broken(`no end after ${Math.round((now - movedAt) / 1_000)} s`))
    }
  }, lookEveryMs)
  worker.once('message', (report: Report) => {
    resolve(report.kind === 'done' ? { kind: 'done', run: withBuffers(report.run) } : report)
  })
  worker.once('error', (error) => {
    resolve(broken(error instanceof Error ? (error.stack ?? error.message) : String(error)))
  })
  try {
    return await promise
  } finally {
    clearInterval(look)
    // A thread that had TLS sockets may never say that it ended; the process ends it in any case.
    await Promise.race([worker.terminate(), delay(endMs, undefined, { ref: false })])
  }
}

/** A message between threads makes plain arrays of bytes of its buffers. */
function withBuffers(run: Run): Run {
  return {
    ...run,
    corpus: run.corpus.map((input) => Buffer.from(input)),
    findings: run.findings.map(({ input, problem }) => ({ input: Buffer.from(input), problem })),
  }
}
