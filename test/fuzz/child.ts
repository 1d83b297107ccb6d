// One target in a process of its own: an input that never ends must not hold up who watches it.
import { readCorpus } from './corpus.ts'
import { Coverage } from './coverage.ts'
import { fuzz } from './engine.ts'
import { type ChildOptions, noteInputs, type Report } from './watch.ts'

const options = JSON.parse(process.argv[2] ?? '') as ChildOptions
const coverage = new Coverage()
coverage.install()
const { targets } = await import('./targets/index.ts')
const target = await targets[options.target]()

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
    beginning: noteInputs(options.noteFile),
  })
  await target[Symbol.asyncDispose]()
  report = { kind: 'done', run }
}
process.send?.(report)
