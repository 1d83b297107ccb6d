/** Where a value stands in the configuration: keys of mappings and indexes of lists. */
export type Path = readonly (string | number)[]

export interface Position {
  readonly line: number
  readonly column: number
}

/** One thing that is wrong, or merely worth knowing. The message repeats no secret and no interpolated value. */
export interface Problem extends Position {
  /** Where the line is, if it is not in the file that was read. */
  readonly source?: string
  readonly path: string
  readonly message: string
}

/** The configuration cannot be used; `problems` holds everything that is wrong with it, in file order. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly file: string
  readonly problems: readonly Problem[]

  constructor(file: string, problems: readonly Problem[]) {
    super(problems.map((problem) => formatProblem(file, problem)).join('\n'))
    this.file = file
    this.problems = problems
  }
}

export function formatProblem(file: string, problem: Problem): string {
  const place = `${problem.source ?? file}:${problem.line}:${problem.column}`
  return problem.path === ''
    ? `${place}: ${problem.message}`
    : `${place}: ${problem.path}: ${problem.message}`
}

export function formatPath(path: Path): string {
  return path.map(formatStep).join('').replace(/^\./, '')
}

function formatStep(step: string | number): string {
  if (typeof step === 'number') return `[${step}]`
  return /^[A-Za-z0-9_-]{1,63}$/.test(step) ? `.${step}` : `[${quote(step)}]`
}

const longestQuote = 100

/** Puts a name of the file in double quotes, fit for one line of a terminal. */
export function quote(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '?')
  return `"${line.length <= longestQuote ? line : `${line.slice(0, longestQuote)}...`}"`
}

/** For a sentence: a few names in quotes, and how many more there are. */
export function quoteSome(names: readonly string[], most = 8): string {
  const shown = names.slice(0, most).map(quote).join(', ')
  return names.length > most ? `${shown} and ${names.length - most} more` : shown
}

/** In file order, and each only once. */
export function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  const unique = new Map(problems.map((problem) => [formatProblem('', problem), problem]))
  return [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column)
}
