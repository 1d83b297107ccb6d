// What `portcullis check` finds out about a configuration beyond its own text.
import { composeCatalog } from '../compose-rules.ts'
import type { Config } from '../config/index.ts'
import type { Finding } from '../identity/finding.ts'
import { lintCatalog } from '../policy/lint-catalog.ts'
import { explain } from '../telemetry/log.ts'
import { inspectDatabases } from './databases.ts'
import { inspectDenyFile } from './deny-file.ts'
import { inspectProvider } from './providers.ts'
import { inspectServerCertificates } from './server-certificate.ts'
import { inTurns } from './in-turns.ts'

export interface InspectOptions {
  /** Neither a provider nor a database is asked. */
  readonly isOffline: boolean
  readonly now?: () => Date
}

/** Looks at everything that logins will need, and refuses nothing: what is wrong is in the findings. */
export async function inspect(
  config: Config,
  { isOffline, now = () => new Date() }: InspectOptions,
): Promise<readonly Finding[]> {
  const options = { isOffline, now, describe: explain }
  const integrations = Object.entries(config.integrations)
  const providers = inTurns(integrations, async ([name, one]) =>
    inspectProvider(name, one, config, options),
  )
  const databases = inspectDatabases(config, options)
  const withGroupClaims = integrations
    .filter(([, { groups_claim_ids: claims }]) => claims.length > 0)
    .map(([name]) => name)
  return [
    ...inspectServerCertificates(config, now()),
    ...inspectDenyFile(config, now()),
    ...(await providers).flat(),
    ...lintCatalog(composeCatalog(config), new Set(withGroupClaims)),
    ...(await databases),
  ]
}
