// Where somebody may connect: what is open to them at each address of the pools.
import type { KeptIdentity } from '../../identity/kept-identity.ts'
import type { Catalog, Integration } from '../../policy/catalog.ts'
import { type Access, accessAt, accessOf, isOpenAnywhere } from '../../policy/access.ts'
import { decide } from '../../policy/decide.ts'
import { withinPool } from '../../policy/within-pool.ts'
import { isConsole } from '../../session/console-guest.ts'
import type { DatabaseEndpoint, WebRules } from '../web-rules.ts'

export interface OpenPlace {
  readonly endpoint: DatabaseEndpoint
  readonly access: Access
}

/** One of the names of the console. */
export const consoleDatabase = 'portcullis'

type Rules = Pick<WebRules, 'catalog' | 'endpoints'>

/** What names an address in a form. */
export function keyOf({ pool, host, port }: DatabaseEndpoint): string {
  return `${pool} ${host} ${port}`
}

/** Several nodes of a pool are one address, where clients are told one. */
export function openPlaces(identity: KeptIdentity, rules: Rules): readonly OpenPlace[] {
  const unique = new Map(rules.endpoints.map((endpoint) => [keyOf(endpoint), endpoint]))
  return [...unique.values()].flatMap((endpoint) => {
    const seen = seenFrom(endpoint, identity, rules)
    if (seen === undefined) return []
    const access = accessOf(identity, seen.integration, seen.catalog)
    const isThere = isConsole(consoleDatabase, seen.catalog)
    const open = isThere ? access : { ...access, console: undefined }
    return isOpenAnywhere(open) ? [{ endpoint, access: open }] : []
  })
}

/** The address of a form, if the role is open to them in the database there. */
export function openEndpoint(
  identity: KeptIdentity,
  rules: Rules,
  asked: { readonly place: string; readonly database: string; readonly role: string },
): DatabaseEndpoint | undefined {
  const endpoint = rules.endpoints.find((one) => keyOf(one) === asked.place)
  const seen = endpoint && seenFrom(endpoint, identity, rules)
  if (endpoint === undefined || seen === undefined) return undefined
  if (asked.database === consoleDatabase && isConsole(consoleDatabase, seen.catalog)) {
    const { console } = accessOf(identity, seen.integration, seen.catalog)
    return console === undefined || asked.role === '' ? undefined : endpoint
  }
  const open = accessAt(asked.database, identity, seen.integration, seen.catalog)
  if (open === undefined) return undefined
  const request = { user: asked.role, database: asked.database }
  const decision = decide(request, identity, seen.integration, seen.catalog)
  return decision.outcome === 'granted' ? endpoint : undefined
}

/** Undefined where the identity is nobody's that the pool takes. */
function seenFrom(
  { pool: name, integrations }: DatabaseEndpoint,
  identity: KeptIdentity,
  { catalog }: Rules,
): { readonly catalog: Catalog; readonly integration: Integration } | undefined {
  const integration = catalog.integrations.get(identity.integration)
  const pool = catalog.pools.find(name)
  if (integration?.isEnabled !== true || pool === undefined) return undefined
  if (integrations?.has(integration.name) === false) return undefined
  return { catalog: withinPool(catalog, pool), integration }
}
