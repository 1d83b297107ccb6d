import { type Config, type LoadedConfig, formatProblem } from '../config/index.ts'
import type { Finding } from '../identity/finding.ts'
import { describeFailure } from './failure.ts'
import { formatFindings } from './format-findings.ts'
import { readConfig } from './read-config.ts'

export interface CheckOptions {
  readonly config: string
  readonly offline?: true
  readonly output: 'text' | 'json'
}

type Inspect = (
  config: Config,
  options: { readonly isOffline: boolean },
) => Promise<readonly Finding[]>

/** Prints what is wrong with a configuration and with what it leads to, and returns the exit code. */
export async function check(options: CheckOptions, inspect: Inspect): Promise<number> {
  let loaded: LoadedConfig
  try {
    loaded = readConfig(options.config)
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return 78
  }
  const isOffline = options.offline === true
  let findings: readonly Finding[]
  try {
    findings = [
      ...notices(loaded, options.config),
      ...(await inspect(loaded.config, { isOffline })),
    ]
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return 1
  }
  const verdicts = findings.map(({ verdict }) => verdict)
  const hasProblem = verdicts.includes('problem')
  if (options.output === 'json') {
    const outcome = hasProblem ? 'problem' : verdicts.includes('warning') ? 'warning' : 'ok'
    const shown = findings.map((one) => ({ ...one, remedy: one.remedy ?? null }))
    const report = { outcome, offline: isOffline, findings: shown }
    process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
  } else {
    process.stdout.write(`${summary(options.config, loaded.config)}\n`)
    process.stdout.write(formatFindings(findings, isOffline))
  }
  return hasProblem ? 1 : 0
}

function notices({ notices: all }: LoadedConfig, file: string): readonly Finding[] {
  return all.map((notice) => ({
    about: 'configuration',
    check: 'notice',
    verdict: 'warning',
    found: formatProblem(file, notice),
    remedy: 'see docs/configuration.md',
  }))
}

function summary(file: string, config: Config): string {
  const pools = Object.keys(config.connectivity_pools).length
  const databases = Object.values(config.databases).filter((one) => one.upstream !== undefined)
  const integrations = Object.keys(config.integrations).length
  return `${file}: valid; integrations: ${integrations}, databases: ${databases.length}, connectivity pools: ${pools}`
}
