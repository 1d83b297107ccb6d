// Somebody who is signed in on the pages lets a client that waits in as themselves.
import { UnfitForSessionToken } from '../../identity/session-token.ts'
import type { SignInCall, SignInReply, SignInRequest } from '../../session/pending-sign-ins.ts'
import type { WebServices } from '../services.ts'
import type { Visitor } from '../visitor.ts'
import { giveToken } from './give-token.ts'

export interface Approval {
  readonly id: string
  readonly request: SignInRequest
  /** A digest of the secret of its cookie. */
  readonly browser: string
  readonly address: string
}

/** Why somebody cannot: the client goes on waiting. */
export type Hindrance =
  | { readonly kind: 'no-tokens' }
  | { readonly kind: 'provider-token'; readonly database: string }
  | { readonly kind: 'other-integration'; readonly wanted: string; readonly own: string }
  | { readonly kind: 'unfit'; readonly text: string }

export function hindranceTo(
  visitor: Visitor,
  { integration: wanted, database }: SignInRequest,
  { tokens, rules }: Pick<WebServices, 'tokens' | 'rules'>,
): Hindrance | undefined {
  const { integration: own } = visitor.session.identity
  if (tokens === undefined) return { kind: 'no-tokens' }
  if (rules().catalog.databases.get(database)?.wantsProviderToken === true) {
    return { kind: 'provider-token', database }
  }
  return own === wanted ? undefined : { kind: 'other-integration', wanted, own }
}

/**
 * Hands a session token to the session that waits, which admits by it as by any other. It is good for what
 * the client has asked for alone, and nobody else ever has it; how long it is good is how long the session
 * may be, so that it is not made shorter than others.
 */
export async function approve(
  visitor: Visitor,
  { id, request, browser, address }: Approval,
  services: Pick<WebServices, 'tokens' | 'rules' | 'now' | 'tell'>,
  ask: (call: SignInCall) => Promise<SignInReply>,
): Promise<SignInReply | Hindrance> {
  const { tokens } = services
  const hindrance = hindranceTo(visitor, request, services)
  if (hindrance !== undefined || tokens === undefined) return hindrance ?? { kind: 'no-tokens' }
  const bounds = { database: request.database, pool: request.pool }
  try {
    const { token } = await giveToken(visitor, bounds, address, tokens, services)
    return await ask({ kind: 'approve', id, browser, token, address })
  } catch (error) {
    if (error instanceof UnfitForSessionToken) return { kind: 'unfit', text: error.message }
    throw error
  }
}

const hindrances: ReadonlySet<string> = new Set<Hindrance['kind']>([
  'no-tokens',
  'provider-token',
  'other-integration',
  'unfit',
])

export function isHindrance(reply: SignInReply | Hindrance): reply is Hindrance {
  return hindrances.has(reply.kind)
}
