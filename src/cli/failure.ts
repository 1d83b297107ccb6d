import { ConfigError, formatProblem } from '../config/index.ts'

/** What went wrong, for somebody at a terminal: every problem of a configuration, or one line. */
export function describeFailure(error: unknown): string {
  if (error instanceof ConfigError) {
    const lines = error.problems.map((problem) => formatProblem(error.file, problem))
    const count = lines.length === 1 ? '1 problem' : `${lines.length} problems`
    return `${lines.join('\n')}\nportcullis: ${count} in ${error.file}\n`
  }
  return `portcullis: ${error instanceof Error ? error.message : 'failed'}\n`
}

/** Says what is wrong with how a command was called, and returns the exit code. */
export function misused(message: string): number {
  process.stderr.write(`portcullis: ${message}\n`)
  return 64
}
