import { accessOf, decryptionKeysOf, keySourceOf } from '../compose-rules.ts'
import type { Config } from '../config/index.ts'
import { type Finding, Findings } from '../identity/finding.ts'
import {
  type NeededEndpoint,
  probeProvider,
  type ProbeOptions,
} from '../identity/probe-provider.ts'
import { inspectAuthorities } from './authorities.ts'

type Integration = Config['integrations'][string]

/** Which endpoints of the provider a configuration makes use of. */
const endpoints: readonly (NeededEndpoint & {
  readonly isNeeded: (integration: Integration, name: string, config: Config) => boolean
})[] = [
  {
    name: 'userinfo_endpoint',
    neededBy: 'userinfo_groups',
    isNeeded: ({ userinfo_groups: asksUserinfo }) => asksUserinfo,
  },
  {
    name: 'introspection_endpoint',
    neededBy: 'introspection',
    isNeeded: ({ introspection }) =>
      introspection !== undefined && introspection.endpoint === undefined,
  },
  ...['device_authorization_endpoint', 'token_endpoint'].map((name) => ({
    name,
    neededBy: 'sso_integration',
    isNeeded: (_: Integration, integration: string, { connectivity_pools: pools }: Config) =>
      Object.values(pools).some((pool) => pool.sso_integration === integration),
  })),
  {
    name: 'token_endpoint',
    neededBy: 'exchange',
    isNeeded: (_, name, { databases }) =>
      Object.values(databases).some(({ exchange, integrations }) => {
        if (exchange === undefined) return false
        const own =
          integrations.length > 0 ? integrations : (databases['system']?.integrations ?? [])
        return exchange.integration === undefined
          ? own.includes(name)
          : exchange.integration === name
      }),
  },
]

export async function inspectProvider(
  name: string,
  integration: Integration,
  config: Config,
  options: ProbeOptions,
): Promise<readonly Finding[]> {
  const findings = new Findings(`integration ${name}`)
  if (!integration.enabled) {
    findings.ok('enabled', 'it is switched off: its provider is not asked')
    return findings.all
  }
  const { custom_ca: file } = integration
  const { now, describe } = options
  const isUsable =
    file === undefined || inspectAuthorities(file, 'custom_ca', findings, now(), describe)
  inspectDecryptionKeys(integration, findings, describe)
  if (!isUsable) return findings.all
  const found = await probeProvider(
    {
      integration: name,
      issuer: integration.issuer,
      source: keySourceOf(integration),
      access: accessOf(integration),
      algorithms: integration.algorithms,
      leewayMs: integration.leeway,
      endpoints: endpoints.filter(({ isNeeded }) => isNeeded(integration, name, config)),
    },
    options,
  )
  return [...findings.all, ...found]
}

function inspectDecryptionKeys(
  integration: Integration,
  findings: Findings,
  describe: (error: unknown) => string,
): void {
  try {
    const keys = decryptionKeysOf(integration)
    if (keys !== undefined) findings.ok('decryption_keys_file', `${keys.length} keys`)
  } catch (error) {
    const remedy = 'put the private keys there, readable for this user'
    findings.problem('decryption_keys_file', describe(error), remedy)
  }
}
