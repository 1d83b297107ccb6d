import type { Dialect } from '../identity/dialect.ts'
import { isSameIssuer } from '../identity/issuer-name.ts'
import type { Claimed } from '../identity/token-shape.ts'
import type { Reason } from '../refusal.ts'
import { type Catalog, type Database, type Integration, systemScope } from './catalog.ts'
import type { Step } from './decision.ts'

export interface IntegrationRequest {
  readonly database: string
  /** The scope named behind `@` in the user: `id_token@system`. */
  readonly qualifier: string | undefined
  /** The integration named by `identityprovider`. */
  readonly identityProvider: string | undefined
  /** The dialect that the client speaks, where it says so. */
  readonly dialect?: Dialect | undefined
  /** What the token says of itself; not verified. */
  readonly claimed: Claimed | undefined
}

export type Resolution =
  | {
      readonly outcome: 'resolved'
      readonly integration: Integration
      readonly steps: readonly Step[]
    }
  | {
      readonly outcome: 'denied'
      readonly reason: Reason
      /** The one that was found, where it is itself the reason. */
      readonly integration?: Integration
      readonly steps: readonly Step[]
    }

/**
 * Finds the integration that a login is verified with: the scope is the qualifier or the database, one
 * integration of its own stops the search, `system` is the fallback; within the scope a name that is
 * given, else the one integration that the token says it is from, else the primary.
 */
export function resolveIntegration(catalog: Catalog, request: IntegrationRequest): Resolution {
  const steps: Step[] = []
  const scope = findScope(catalog, request.qualifier ?? request.database)
  steps.push({
    check: 'scope',
    compared: scope === undefined ? 'no integration anywhere' : `database ${scope.name}`,
    passed: scope !== undefined,
  })
  if (scope === undefined) return { outcome: 'denied', reason: 'integration-none', steps }

  const candidates = scope.integrations
    .map((name) => catalog.integrations.get(name))
    .filter((integration) => integration !== undefined)
  const named = request.identityProvider
  const integration =
    named === undefined
      ? choose(scope, speaking(request.dialect, candidates), request)
      : candidates.find((one) => one.name === named)
  steps.push({
    check: 'integration',
    compared: `${named ?? 'token or primary'} among ${candidates.map((one) => one.name).join(', ')} -> ${integration?.name ?? 'none'}`,
    passed: integration !== undefined,
  })
  if (integration === undefined) {
    const reason = named === undefined ? 'integration-none' : 'integration-unknown'
    return { outcome: 'denied', reason, steps }
  }
  if (!integration.isEnabled) {
    steps.push({ check: 'enabled', compared: integration.name, passed: false })
    return { outcome: 'denied', reason: 'integration-disabled', integration, steps }
  }
  const refusal = refusedByPool(integration, catalog)
  if (refusal !== undefined) {
    steps.push(refusal)
    return { outcome: 'denied', reason: 'integration-not-allowed', integration, steps }
  }
  return { outcome: 'resolved', integration, steps }
}

/** Undefined where the pool takes its tokens. */
export function refusedByPool({ name }: Integration, { pool }: Catalog): Step | undefined {
  if (pool?.allowedIntegrations?.has(name) !== false) return undefined
  const compared = `${name} among ${[...pool.allowedIntegrations].join(', ')} of pool ${pool.name}`
  return { check: 'pool integrations', compared, passed: false }
}

function findScope(catalog: Catalog, name: string): Database | undefined {
  const own = catalog.databases.get(name)
  if (own !== undefined && own.integrations.length > 0) return own
  const system = catalog.databases.get(systemScope)
  return system !== undefined && system.integrations.length > 0 ? system : undefined
}

/** Those of the client's own dialect; all where it has none, or there are none. */
function speaking(
  dialect: Dialect | undefined,
  candidates: readonly Integration[],
): readonly Integration[] {
  const some = candidates.filter((one) => one.dialect === dialect)
  return some.length > 0 ? some : candidates
}

function choose(
  scope: Database,
  candidates: readonly Integration[],
  request: IntegrationRequest,
): Integration | undefined {
  const primary = candidates.find((one) => one.name === scope.primary)
  // Where the primary speaks another dialect than the client, its own come in their order.
  const first = candidates.find((one) => one.dialect === request.dialect)
  return fromToken(scope, candidates, request) ?? primary ?? first
}

/** Picks only among the operator's own integrations, and only when exactly one fits. */
function fromToken(
  scope: Database,
  candidates: readonly Integration[],
  { claimed }: IntegrationRequest,
): Integration | undefined {
  if (scope.selection === 'primary' || claimed === undefined) return undefined
  const fitting = candidates.filter(
    (one) =>
      typeof claimed.issuer === 'string' &&
      isSameIssuer(one.issuer, claimed.issuer) &&
      (one.clientId === undefined || one.clientId === claimed.authorizedParty),
  )
  const [first] = fitting
  if (fitting.length === 1) return first
  // CockroachDB's issuers may differ by a slash alone, and stand beside an integration for the same one.
  const ours = fitting.filter((one) => one.dialect === 'portcullis')
  const exact = fitting.filter((one) => one.issuer === claimed.issuer)
  const narrowed = ours.length > 0 ? ours : exact
  return narrowed.length === 1 ? narrowed[0] : undefined
}
