// Who looks at a page: read from the sealed cookie of the browser, for each request.
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Context } from 'hono'
import { getCookie } from 'hono/cookie'
import type { KeptIdentity } from '../../identity/kept-identity.ts'
import type { ConsoleRight } from '../../policy/catalog.ts'
import { visitRight, whyNoVisit } from '../../policy/decide-visit.ts'
import { addressOf } from '../client-address.ts'
import { isOwnForm } from '../page-security.ts'
import type { WebServices } from '../services.ts'
import type { Visitor, WebEnv, WebSession } from '../visitor.ts'
import type { WebRules } from '../web-rules.ts'

export const sessionCookie = '__Host-portcullis-session'
export const sessionPurpose = 'web session'

export async function readVisitor(
  c: Context<WebEnv>,
  services: WebServices,
): Promise<Visitor | undefined> {
  const sealed = getCookie(c, sessionCookie)
  if (sealed === undefined) return undefined
  // What we have sealed has the shape that we gave it.
  const session = (await services.sealer.open(sessionPurpose, sealed)) as WebSession | undefined
  if (session === undefined) return undefined
  const { identity } = session
  const rules = services.rules()
  // Whatever the configuration says now counts for those who signed in before, too.
  const endsAt = Math.min(session.expiresAt, session.startedAt + rules.sessionLifetimeMs)
  if (services.now().getTime() >= endsAt || !mayVisit(identity, rules)) return undefined
  const address = addressOf(c, services.isBehindProxy)
  if (services.isKeptOut(session.id, identity, address)) return undefined
  const right = rightOf(identity, rules)
  return { session, name: identity.names.join(', '), right, formToken: formTokenOf(sealed) }
}

function mayVisit(identity: KeptIdentity, { catalog }: WebRules): boolean {
  const integration = catalog.integrations.get(identity.integration)
  return integration !== undefined && whyNoVisit(identity, integration, catalog) === undefined
}

function rightOf(identity: KeptIdentity, { catalog }: WebRules): ConsoleRight | undefined {
  const integration = catalog.integrations.get(identity.integration)
  return integration && visitRight(identity, integration, catalog)
}

/** Nobody but us and the browser knows the sealed cookie. */
function formTokenOf(sealed: string): string {
  return createHmac('sha256', sealed).update('portcullis form').digest('base64url')
}

/** The fields of a form that the visitor sent from a page of ours; undefined: it is not theirs. */
export async function ownForm(
  c: Context<WebEnv>,
  { publicUrl }: Pick<WebServices, 'publicUrl'>,
): Promise<Readonly<Record<string, string>> | undefined> {
  const visitor = c.get('visitor')
  if (visitor === undefined || !isOwnForm(c, publicUrl)) return undefined
  const type = c.req.header('content-type') ?? ''
  if (!type.startsWith('application/x-www-form-urlencoded')) return undefined
  const fields = Object.fromEntries(new URLSearchParams(await c.req.text()))
  const [given, expected] = [Buffer.from(fields['csrf'] ?? ''), Buffer.from(visitor.formToken)]
  const isTheirs = given.length === expected.length && timingSafeEqual(given, expected)
  return isTheirs ? fields : undefined
}
