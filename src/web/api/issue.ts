// Session tokens for whoever is verified, and could log in with one.
import type { z } from 'zod'
import type { KeptIdentity } from '../../identity/kept-identity.ts'
import type { SessionTokenBounds, SessionTokens } from '../../identity/session-token.ts'
import { type Access, accessAt, accessOf, isOpenAnywhere } from '../../policy/access.ts'
import type { Catalog } from '../../policy/catalog.ts'
import { decide } from '../../policy/decide.ts'
import { withinPool } from '../../policy/within-pool.ts'
import { Refusal } from '../../refusal.ts'
import { denied } from '../../session/attempt.ts'
import { isConsole } from '../../session/console-guest.ts'
import type { WebServices } from '../services.ts'
import { ApiError } from './api-error.ts'
import type { Caller } from './caller.ts'
import type { tokenResponse } from './schemas.ts'
import type { Verified } from './verify.ts'

export interface Wanted {
  readonly database: string
  readonly bounds: SessionTokenBounds
  /** In seconds. */
  readonly lifetime?: number | undefined
}

type TokenResponse = z.output<typeof tokenResponse>

export function sessionTokens({ tokens }: WebServices): SessionTokens {
  if (tokens !== undefined) return tokens
  throw new ApiError('not_found', 'session tokens are not enabled here')
}

/** Throws where nobody could log in with it. */
export async function issue(
  services: WebServices,
  caller: Caller,
  verified: Verified,
  wanted: Wanted,
): Promise<TokenResponse> {
  const { identity } = verified
  const roles = rolesFor(services, caller, verified, wanted)
  const lifetimeMs = wanted.lifetime === undefined ? undefined : wanted.lifetime * 1_000
  const now = services.now()
  const request = { identity, bounds: wanted.bounds, lifetimeMs }
  const { token, expiresAt } = await sessionTokens(services).issue(request, now)
  const username = wanted.bounds.user ?? roles[0]
  return {
    access_token: token,
    token_type: 'Bearer',
    expires_in: Math.max(0, Math.floor((expiresAt - now.getTime()) / 1_000)),
    expires_at: new Date(expiresAt).toISOString(),
    database: wanted.bounds.database ?? wanted.database,
    ...(username !== undefined && { username }),
    roles: [...roles],
    principal: caller.facts.identity?.principal ?? '',
    integration: identity.integration,
  }
}

/** The roles with a name that are open where it is wanted. */
function rolesFor(
  services: WebServices,
  { facts }: Caller,
  { identity, integration }: Verified,
  { database: asked, bounds }: Wanted,
): readonly string[] {
  const catalog = catalogFor(services.rules().catalog, bounds)
  const database = bounds.database ?? asked
  facts.requested = { user: bounds.user ?? '', database, applicationName: '' }
  if (bounds.pool !== undefined) facts.pool = bounds.pool
  if (isConsole(database, catalog)) {
    const access = accessOf(identity, integration, catalog)
    // One that is not bound to the console is good for the databases that it stands for.
    const isOpen =
      bounds.database === undefined ? isOpenAnywhere(access) : access.console !== undefined
    if (!isOpen) throw refusalFor(identity, 'console-not-allowed')
    return bounds.database === undefined ? rolesAnywhere(access) : []
  }
  const open = accessAt(database, identity, integration, catalog)
  const decision = decide({ user: bounds.user, database }, identity, integration, catalog)
  if (open === undefined || (bounds.user !== undefined && decision.outcome === 'denied')) {
    if (decision.outcome === 'denied') throw denied(decision.reason, decision.steps)
    throw new Refusal('integration-unknown', { values: { integration: integration.name } })
  }
  return bounds.user === undefined ? open.roles : [bounds.user]
}

/** Of all databases, the usual ones first. */
function rolesAnywhere({ databases }: Access): readonly string[] {
  const usual = databases.flatMap(({ roles: [first], hasDefault }) =>
    hasDefault && first !== undefined ? [first] : [],
  )
  return [...new Set([...usual, ...databases.flatMap(({ roles }) => roles)])]
}

function catalogFor(catalog: Catalog, { pool: name }: SessionTokenBounds): Catalog {
  if (name === undefined) return catalog
  const pool = catalog.pools.find(name)
  if (pool === undefined)
    throw new ApiError('not_found', 'there is no connectivity pool of that name')
  return withinPool(catalog, pool)
}

function refusalFor(identity: KeptIdentity, reason: 'console-not-allowed'): Refusal {
  return new Refusal(reason, { logDetail: `groups: ${identity.groups.join(', ')}` })
}
