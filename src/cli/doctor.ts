// Whether the databases of a configuration let anybody in around Portcullis.
import type { Config } from '../config/index.ts'
import { operatorPassword, operatorUser } from '../config/operator-password.ts'
import type { DoctorFinding } from '../inspection/doctor-finding.ts'
import { printable } from '../refusal.ts'
import { describeFailure, misused } from './failure.ts'
import { formatDoctor } from './format-doctor.ts'
import { readConfig } from './read-config.ts'

export interface DoctorCommandOptions {
  readonly config: string
  readonly database?: readonly string[]
  readonly user?: string
  readonly passwordFile?: string
  readonly outside?: true
  readonly timeout: string
  readonly output: 'text' | 'json'
}

type Examine = (
  config: Config,
  options: {
    readonly databases: readonly string[]
    readonly administrator:
      { readonly user: string; readonly password: string | undefined } | undefined
    readonly isOutside: boolean
    readonly timeoutMs: number
  },
) => Promise<readonly DoctorFinding[]>

const maxTimeoutS = 3_600

/** Prints what is open, and returns the exit code. */
export async function doctor(options: DoctorCommandOptions, examine: Examine): Promise<number> {
  const { database: databases = [], user = operatorUser(), passwordFile, timeout } = options
  if (!/^\d{1,4}$/.test(timeout) || Number(timeout) < 1 || Number(timeout) > maxTimeoutS) {
    return misused(`--timeout must be a whole number of seconds between 1 and ${maxTimeoutS}`)
  }
  let config: Config
  try {
    ;({ config } = readConfig(options.config))
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return 78
  }
  for (const name of databases) {
    if (Object.hasOwn(config.databases, name)) continue
    return misused(`the catalog has no database "${printable(name)}"`)
  }
  let password: string | undefined
  try {
    password = operatorPassword(passwordFile)
  } catch (error) {
    const why = error instanceof Error ? error.message : 'cannot be read'
    return misused(`the file ${printable(passwordFile ?? '')} ${why}`)
  }
  const administrator = user === undefined ? undefined : { user, password }
  const findings = await examine(config, {
    databases,
    administrator,
    isOutside: options.outside === true,
    timeoutMs: Number(timeout) * 1_000,
  })
  const verdicts = new Set(findings.map(({ verdict }) => verdict))
  const outcome = verdicts.has('hole') ? 'hole' : verdicts.has('unknown') ? 'unknown' : 'closed'
  process.stdout.write(
    options.output === 'json'
      ? `${JSON.stringify({ outcome, findings }, undefined, 2)}\n`
      : formatDoctor(findings),
  )
  return { closed: 0, hole: 1, unknown: 2 }[outcome]
}
