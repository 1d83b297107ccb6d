import { formatProblem } from '../config/index.ts'
import { readConfig } from './read-config.ts'
import { describeFailure } from './failure.ts'

/** Reads a configuration as `serve` would, prints what is wrong with it, and returns the exit code. */
export function check(file: string): number {
  try {
    const { config, notices } = readConfig(file)
    for (const notice of notices) {
      process.stdout.write(`${formatProblem(file, notice)}\n`)
    }
    const pools = Object.keys(config.connectivity_pools).length
    const databases = Object.values(config.databases).filter(
      (one) => one.upstream !== undefined,
    ).length
    const integrations = Object.keys(config.integrations).length
    process.stdout.write(
      `${file}: valid; integrations: ${integrations}, databases: ${databases}, connectivity pools: ${pools}\n`,
    )
    return 0
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return 78
  }
}
