import type { StoreKind } from '../../credentials/profile.ts'

export const flows = [
  ...(['browser', 'device', 'gateway', 'client_credentials', 'workload', 'command'] as const),
  'password' as const,
]
export type FlowName = (typeof flows)[number]

export const workloads = [
  'kubernetes',
  'github',
  'gitlab',
  'google',
  'azure',
  'file',
  'env',
] as const
export type WorkloadName = (typeof workloads)[number]

export const stores: readonly StoreKind[] = ['auto', 'keyring', 'file', 'none']

/** As the command line has them: what is not there was not said. */
export interface LoginOptions {
  readonly profile?: string
  readonly integration?: string
  readonly pool?: string
  readonly database?: string
  readonly user?: string
  readonly flow?: FlowName
  readonly issuer?: string
  readonly clientId?: string
  readonly clientSecretFile?: string
  readonly clientSecretEnv?: string
  readonly scope?: readonly string[]
  readonly audience?: string
  readonly accessToken?: boolean
  readonly session?: boolean
  readonly caFile?: string
  readonly host?: readonly string[]
  readonly port?: number
  readonly store?: StoreKind
  /** False by `--no-browser`. */
  readonly browser?: boolean
  readonly username?: string
  readonly passwordFile?: string
  readonly passwordEnv?: string
  readonly allowDeprecatedPasswordGrant?: boolean
  readonly workload?: WorkloadName
  readonly tokenFile?: string
  readonly tokenEnv?: string
  readonly command?: readonly string[]
  /** False by `--no-default`. */
  readonly default?: boolean
}
