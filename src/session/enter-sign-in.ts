import type { Integration, Pool, SignInFlow } from '../policy/catalog.ts'
import { refusedByPool, resolveIntegration } from '../policy/resolve-integration.ts'
import { printable, Refusal } from '../refusal.ts'
import { type Attempt, denied } from './attempt.ts'

/** A client that wants a browser signed in: at which provider, and by which flows it may be, best first. */
export interface SignInEntry {
  readonly integration: Integration
  readonly flows: readonly SignInFlow[]
}

/** The integration at whose provider somebody signs in: one that the operator named for it. */
export function enterSignIn(attempt: Attempt, pool: Pool, hasPages: boolean): SignInEntry {
  const flows = flowsFor(attempt, pool, hasPages)
  attempt.facts.authMethod = 'sign-in'
  const name = pool.ssoIntegration
  const compared = `pool ${pool.name} -> ${name ?? 'none'}`
  attempt.report?.({ check: 'sign-in', compared, passed: name !== undefined })
  if (name === undefined) throw new Refusal('sign-in-unavailable')
  const integration = integrationForSignIn(attempt, pool)
  attempt.facts.integration = integration.name
  return { integration, flows }
}

/** The one that the client names, else those of the pool; sign-in on our pages where there are some. */
function flowsFor(
  { intent: { signInFlow: named }, report }: Attempt,
  { ssoFlows }: Pool,
  hasPages: boolean,
): readonly SignInFlow[] {
  const possible = ssoFlows.filter((flow) => flow !== 'authorizationCode' || hasPages)
  const wanted =
    named === undefined
      ? possible
      : possible.filter((flow) => flow.toLowerCase() === named.toLowerCase())
  if (wanted.length > 0) return wanted
  const offered = possible.length === 0 ? 'none' : possible.join(', ')
  const compared = `${printable(named ?? 'any')} among ${offered}`
  report?.({ check: 'sign-in flow', compared, passed: false })
  const hint =
    possible.length === 0
      ? 'Get a token in another way and pass it as the password.'
      : `Use ssoOAuthFlow=${possible.join(' or ')}, or leave it out.`
  throw new Refusal('sign-in-flow', { values: { flow: named ?? ssoFlows.join(', ') }, hint })
}

/** The integration that a client is sent to for a token: the pool's, or that of its database. */
export function integrationForSignIn({ intent, catalog }: Attempt, pool: Pool): Integration {
  if (pool.ssoIntegration !== undefined) {
    const own = catalog.integrations.get(pool.ssoIntegration)
    if (own?.isEnabled !== true) throw new Refusal('integration-disabled')
    const refusal = refusedByPool(own, catalog)
    if (refusal !== undefined) throw denied('integration-not-allowed', [refusal])
    return own
  }
  const resolution = resolveIntegration(catalog, { ...intent, claimed: undefined })
  if (resolution.outcome === 'resolved') return resolution.integration
  throw denied(resolution.reason, resolution.steps, {
    values: { integration: intent.identityProvider ?? '' },
  })
}
