// One target in a thread of its own: an input that never ends must not hold up who watches it.
import { parentPort, workerData } from 'node:worker_threads'
import { readCorpus } from './corpus.ts'
import { Coverage } from './coverage.ts'
import { fuzz } from './engine.ts'
import type { Report, WorkerOptions } from './watch.ts'

const options = workerData as WorkerOptions
const coverage = new Coverage()
coverage.install()
const { targets } = await import('./targets/index.ts')
const target = await targets[options.target]()

const beats = new Int32Array(options.shared, 0, 2)
const current = new Uint8Array(options.shared, 8)

let report: Report
if (target === undefined) report = { kind: 'absent' }
else {
  const run = await fuzz({
    target,
    coverage,
    kept: readCorpus(target.name),
    seed: options.seed,
    maxInputs: options.maxInputs,
    maxMs: options.maxMs,
    beginning: (input) => {
      current.set(input.subarray(0, current.length))
      Atomics.store(beats, 1, input.length)
      Atomics.add(beats, 0, 1)
    },
  })
  await target[Symbol.asyncDispose]()
  report = { kind: 'done', run }
}
parentPort?.postMessage(report)
