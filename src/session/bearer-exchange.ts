// A login by OAUTHBEARER (RFC 7628; PostgreSQL documentation, 54.3): at most three messages of the client.
import {
  errorResponse,
  oauthBearerMechanism,
  type OauthBearerStep,
  readDummyResponse,
  readInitialResponse,
} from '../sasl/oauthbearer.ts'
import type { Integration } from '../policy/catalog.ts'
import { Refusal } from '../refusal.ts'
import { readSaslInitialResponse, readSaslResponse } from '../wire/sasl-response.ts'
import { authenticationSasl, authenticationSaslContinue } from '../wire/write-backend.ts'
import type { Entrance } from './attempt.ts'
import { integrationForSignIn } from './enter-sign-in.ts'
import { timed } from './conversation.ts'
import { type Login, readProof } from './login.ts'
import { Patience } from './patience.ts'

/** Longer than all that RFC 7628 knows besides the token. */
const maxOverheadBytes = 1_024

export interface BearerLogin extends Login {
  readonly verify: (token: string) => Promise<Entrance>
}

interface Exchange extends BearerLogin {
  /** For all that the client has to say. */
  readonly patience: Patience
}

/**
 * Offers OAUTHBEARER and lets the token decide. A client that asks where tokens are to be had is told, and
 * so is one whose token does not do, before the Refusal that is thrown here ends the login.
 */
export async function authenticateByBearer(login: BearerLogin): Promise<Entrance> {
  const { conversation, attempt, pool, rules, services, verify } = login
  const exchange = { ...login, patience: new Patience(rules.timeouts.authenticationMs) }
  const integration = integrationForSignIn(attempt, pool)
  const askedAt = performance.now()
  const step = await timed(services.observer, conversation.facts, 'credential', async () =>
    askForToken(exchange),
  )
  conversation.credentialMs = performance.now() - askedAt
  if (step.next === 'discover') {
    await tellInvalidToken(exchange, integration)
    throw new Refusal('oauth-discovery')
  }
  attempt.facts.credential = 'token'
  try {
    if (step.next === 'reject') {
      throw new Refusal('token-malformed', { logDetail: step.logDetail })
    }
    return await verify(step.token)
  } catch (error) {
    if (isOfToken(error)) {
      await tellInvalidToken(exchange, integration)
    }
    throw error
  }
}

/** Where the provider or we are to blame, or nobody has looked at the token, another would not help. */
function isOfToken(error: unknown): boolean {
  if (!(error instanceof Refusal) || error.reason === 'throttled') return false
  return error.fault === 'client' || error.fault === 'policy'
}

async function askForToken({
  conversation,
  greeting,
  rules,
  patience,
}: Exchange): Promise<WellFormed> {
  const { socket } = conversation
  const maxBytes = rules.limits.maxPasswordBytes + maxOverheadBytes
  socket.write(Buffer.concat([greeting, authenticationSasl([oauthBearerMechanism])]))
  const chosen = await readProof(conversation, patience, (bytes) =>
    readSaslInitialResponse(bytes, maxBytes),
  )
  if (chosen.mechanism !== oauthBearerMechanism) throw new Refusal('sasl-mechanism')
  let { response } = chosen
  if (response === undefined) {
    socket.write(authenticationSaslContinue(''))
    response = await readProof(conversation, patience, (bytes) => readSaslResponse(bytes, maxBytes))
  }
  return wellFormed(readInitialResponse(response))
}

/** RFC 7628 3.2.2 and 3.2.3: the error, and the client's word that it has read it. */
async function tellInvalidToken(
  { conversation, patience }: Exchange,
  { issuer, scopes }: Integration,
): Promise<void> {
  const error = errorResponse({ issuer, scope: scopes.join(' ') })
  conversation.socket.write(authenticationSaslContinue(error))
  const answer = await readProof(conversation, patience, (bytes) =>
    readSaslResponse(bytes, maxOverheadBytes),
  )
  const fault = readDummyResponse(answer)
  if (fault !== undefined) wellFormed(fault)
}

type WellFormed = Exclude<OauthBearerStep, { next: 'malformed' }>

function wellFormed(step: OauthBearerStep): WellFormed {
  if (step.next !== 'malformed') return step
  if (step.sqlstate === '0A000') throw new Refusal('authorization-identity')
  throw new Refusal('malformed-oauthbearer', { clientDetail: step.detail })
}
