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

/** The endpoints of the provider that a configuration makes use of. */
function endpointsFor(
  name: string,
  { userinfo_groups: asksUserinfo, introspection }: Integration,
  config: Config,
): readonly NeededEndpoint[] {
  const needed: NeededEndpoint[] = []
  if (asksUserinfo) needed.push({ names: ['userinfo_endpoint'], neededBy: 'userinfo_groups' })
  if (introspection !== undefined && introspection.endpoint === undefined) {
    needed.push({ names: ['introspection_endpoint'], neededBy: 'introspection' })
  }
  needed.push(...signInEndpoints(name, config))
  if (isExchanged(name, config)) needed.push({ names: ['token_endpoint'], neededBy: 'exchange' })
  return needed
}

/** Each pool needs one of its flows; those with the same flows need the same. */
function signInEndpoints(name: string, config: Config): readonly NeededEndpoint[] {
  const pools = Object.values(config.connectivity_pools).filter(
    (pool) => pool.sso_integration === name,
  )
  if (pools.length === 0) return []
  const endpoints = pools.map(({ sso_flows: flows }) =>
    flows
      .filter((flow) => flow !== 'authorizationCode' || config.web !== undefined)
      .map((flow) =>
        flow === 'deviceGrant' ? 'device_authorization_endpoint' : 'authorization_endpoint',
      ),
  )
  const different = new Map(endpoints.map((names) => [names.join(), names]))
  return [...different.values(), ['token_endpoint']].map((names) => ({
    names,
    neededBy: 'sso_integration',
  }))
}

function isExchanged(name: string, { databases }: Config): boolean {
  return Object.values(databases).some(({ exchange, integrations }) => {
    if (exchange === undefined) return false
    const own = integrations.length > 0 ? integrations : (databases['system']?.integrations ?? [])
    return exchange.integration === undefined ? own.includes(name) : exchange.integration === name
  })
}

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
      endpoints: endpointsFor(name, integration, config),
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
