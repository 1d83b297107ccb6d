// `npm run mutation`: changes the code that verifies and decides, one place at a time, and lists the changes
// that no test notices. Writes test/mutation/score.json; fails where a check can be changed unnoticed.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Equivalent, equivalents } from '../test/mutation/equivalents.ts'
import { root, run } from './run.ts'

interface Position {
  readonly line: number
  readonly column: number
}

interface Mutant {
  readonly mutatorName: string
  readonly replacement?: string
  readonly status: string
  readonly location: { readonly start: Position; readonly end: Position }
}

interface MutationReport {
  readonly files: Readonly<
    Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>
  >
}

interface Change extends Mutant {
  readonly file: string
  readonly code: string
  readonly isCheck: boolean
  readonly isNoticed: boolean
  readonly equivalent: Equivalent | undefined
}

/**
 * A check is whatever decides: a condition, a comparison, a truth value, a regular expression, a link of a
 * chain such as `every` or `filter`, a block or a statement that may be left out. The rest is text, and
 * values that are put together.
 */
const deciding = new Set([
  ...['ConditionalExpression', 'EqualityOperator', 'LogicalOperator', 'BooleanLiteral', 'Regex'],
  ...['MethodExpression', 'OptionalChaining', 'BlockStatement', 'CallExpression'],
])
const noticed = new Set(['Killed', 'Timeout'])
const ignored = new Set(['Ignored', 'CompileError'])

const { code } = await run(
  'stryker',
  ['run', 'test/mutation/stryker.config.js', ...process.argv.slice(2)],
  'inherit',
)
if (code !== 0) process.exit(code)

const changes = changesIn(
  JSON.parse(
    await readFile(join(root, 'coverage/mutation/mutation.json'), 'utf8'),
  ) as MutationReport,
)
const checks = changes.filter(({ isCheck }) => isCheck)
const others = changes.filter(({ isCheck }) => !isCheck)
const score = {
  checks: scoreOf(checks),
  others: scoreOf(others),
  files: Object.fromEntries(
    [...new Set(changes.map(({ file }) => file))].map((file) => [
      file,
      scoreOf(changes.filter((change) => change.file === file)),
    ]),
  ),
}
await writeFile(join(root, 'test/mutation/score.json'), `${JSON.stringify(score, null, 2)}\n`)

const page = join(root, 'docs/security.md')
await writeFile(page, withScore(await readFile(page, 'utf8')))

for (const change of [...others, ...checks]) {
  if (isSurvivor(change)) process.stdout.write(`${describe(change)}\n`)
}
const stale = equivalents.filter(
  (one) => !changes.some(({ equivalent, isNoticed }) => equivalent === one && !isNoticed),
)
for (const { file, code: its, changedTo } of stale) {
  process.stdout.write(
    `no longer equivalent, or no longer there: ${file}: ${its} -> ${changedTo}\n`,
  )
}
process.stdout.write(`checks: ${sentence(score.checks)}\nothers: ${sentence(score.others)}\n`)
process.exitCode = checks.some(isSurvivor) || stale.length > 0 ? 1 : 0

/** The page with the score between its markers. */
function withScore(text: string): string {
  const begin = '<!-- mutation:begin, written by npm run mutation -->\n'
  const end = '<!-- mutation:end -->'
  const [before, rest] = text.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`${page} has no place for it`)
  const lines = [`Checks: ${sentence(score.checks)}.`, `Others: ${sentence(score.others)}.`]
  return `${before}${begin}${lines.join('\n')}\n${end}${after}`
}

function changesIn({ files }: MutationReport): readonly Change[] {
  return Object.entries(files).flatMap(([file, { source, mutants }]) => {
    const conditions = mutants.filter(
      ({ mutatorName, replacement }) =>
        mutatorName === 'ConditionalExpression' && /^(true|false)$/.test(replacement ?? ''),
    )
    return mutants
      .filter(({ status }) => !ignored.has(status))
      .map((mutant) => {
        const its = onOneLine(textAt(source, mutant.location))
        return {
          ...mutant,
          file,
          code: its,
          isCheck:
            deciding.has(mutant.mutatorName) ||
            conditions.some((condition) => contains(condition, mutant)),
          isNoticed: noticed.has(mutant.status),
          equivalent: equivalents.find(
            (one) =>
              one.file === file &&
              one.code === its &&
              one.changedTo === onOneLine(mutant.replacement ?? ''),
          ),
        }
      })
  })
}

function isSurvivor({ isNoticed, equivalent }: Change): boolean {
  return !isNoticed && equivalent === undefined
}

interface Score {
  readonly changes: number
  readonly noticed: number
  /** Of those, the ones after which the tests did not end. */
  readonly endless: number
  readonly equivalent: number
  readonly unnoticed: number
}

function scoreOf(some: readonly Change[]): Score {
  return {
    changes: some.length,
    noticed: some.filter(({ isNoticed }) => isNoticed).length,
    endless: some.filter(({ status }) => status === 'Timeout').length,
    equivalent: some.filter((one) => !one.isNoticed && one.equivalent !== undefined).length,
    unnoticed: some.filter(isSurvivor).length,
  }
}

function sentence({ changes: all, noticed: seen, equivalent, unnoticed }: Score): string {
  const share = ((100 * seen) / Math.max(all - equivalent, 1)).toFixed(1)
  return `${all} changes, ${equivalent} that change nothing, ${seen} noticed and ${unnoticed} not: ${share} %`
}

function describe({
  file,
  location,
  isCheck,
  mutatorName,
  code: its,
  replacement,
}: Change): string {
  const kind = isCheck ? 'CHECK' : 'other'
  const shown = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}...` : text)
  const change = `${shown(its)} -> ${shown(onOneLine(replacement ?? ''))}`
  return `${kind} ${file}:${location.start.line} ${mutatorName}: ${change}`
}

function textAt(source: string, { start, end }: Mutant['location']): string {
  const lines = source.split('\n').slice(start.line - 1, end.line)
  const last = lines.length - 1
  return lines
    .map((line, index) => (index === last ? line.slice(0, end.column - 1) : line))
    .map((line, index) => (index === 0 ? line.slice(start.column - 1) : line))
    .join('\n')
}

function onOneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}

function contains({ location: outer }: Mutant, { location: inner }: Mutant): boolean {
  return isBefore(outer.start, inner.start) && isBefore(inner.end, outer.end)
}

function isBefore(one: Position, other: Position): boolean {
  return one.line < other.line || (one.line === other.line && one.column <= other.column)
}
