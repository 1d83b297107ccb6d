// Interactive sign-in within a stock client: it is told in a NOTICE where to sign in, and waits.
import { beginDeviceGrant, type DeviceGrant } from '../identity/device-grant.ts'
import type { Pool } from '../policy/catalog.ts'
import { printable, Refusal } from '../refusal.ts'
import { authenticationOk, notice } from '../wire/write-backend.ts'
import { type Admission, admitBy, type Attempt, enterSignIn } from './admit.ts'
import { type Conversation, timed, waitForClient } from './conversation.ts'
import type { Rules, SessionServices } from './services.ts'

export interface SignIn {
  readonly conversation: Conversation
  readonly attempt: Attempt
  readonly pool: Pool
  /** What is said of the protocol in front of everything else. */
  readonly greeting: Buffer
  readonly rules: Rules
  readonly services: SessionServices
}

/**
 * Lets somebody sign in with a browser, and admits whom the provider says it was. AuthenticationOk comes
 * first, since clients show no notice before it: nothing is promised by it, and nothing goes upstream.
 */
export async function authenticateBySignIn(signIn: SignIn): Promise<Admission> {
  const { conversation, attempt, pool, rules, services } = signIn
  const integration = enterSignIn(attempt, pool)
  const provider = rules.signIns.get(integration.name)
  const keys = rules.tokens.get(integration.name)?.rules.keys
  if (provider === undefined || keys === undefined) throw new Refusal('sign-in-unavailable')
  const release = services.registry.reserveSignIn(rules.limits)
  try {
    const grant = await beginDeviceGrant(await keys.current(), provider)
    const limitMs = Math.min(grant.lifetimeMs, rules.timeouts.signInMs)
    conversation.isWelcomed = true
    const text = invitation(signIn, grant, limitMs)
    conversation.socket.write(Buffer.concat([signIn.greeting, authenticationOk, notice(text)]))
    const askedAt = performance.now()
    const token = await timed(services.observer, 'credential', async () =>
      waitForToken(conversation, grant, limitMs),
    )
    conversation.credentialMs = performance.now() - askedAt
    attempt.facts.credential = 'token'
    return await timed(services.observer, 'verify', async () =>
      admitBy(attempt, integration, token, rules.tokens, services.now()),
    )
  } finally {
    release()
  }
}

async function waitForToken(
  conversation: Conversation,
  grant: DeviceGrant,
  limitMs: number,
): Promise<string> {
  const over = new AbortController()
  const signedIn = grant.token(over.signal)
  // Whoever is no longer waited for may still be denied.
  signedIn.catch(() => {})
  try {
    return await waitForClient(
      conversation,
      limitMs,
      new Refusal('sign-in-timeout', { values: { seconds: Math.round(limitMs / 1_000) } }),
      Promise.race([signedIn, conversation.reader.lost()]),
    )
  } finally {
    over.abort()
  }
}

/** Who asks is told, so that nobody approves what somebody else began. */
function invitation(
  { attempt: { intent, facts } }: SignIn,
  { userCode, verificationUri, completeUri }: DeviceGrant,
  limitMs: number,
): { readonly message: string; readonly detail: string; readonly hint: string } {
  const application = intent.applicationName === '' ? 'a client' : printable(intent.applicationName)
  const database = printable(intent.database)
  const minutes = Math.max(1, Math.round(limitMs / 60_000))
  return {
    message: `sign in at ${completeUri ?? verificationUri} and check that it shows the code ${userCode}`,
    detail: `${application} at ${facts.peer.address} asks for database "${database}". This waits for ${minutes} minutes.`,
    hint: 'Approve it only if you began it yourself.',
  }
}
