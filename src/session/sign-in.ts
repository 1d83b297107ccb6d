// Interactive sign-in within a stock client: it is told in a NOTICE where to sign in, and waits.
import { beginDeviceGrant } from '../identity/device-grant.ts'
import type { IssuerKeys } from '../identity/discovery.ts'
import type { SignInProvider } from '../identity/sign-in-provider.ts'
import type { SignInFlow } from '../policy/catalog.ts'
import { printable, Refusal } from '../refusal.ts'
import { authenticationOk, notice } from '../wire/write-backend.ts'
import type { Entrance } from './attempt.ts'
import { admitToConsoleBy, checkScope } from './admit-console.ts'
import { admitBy } from './admit-token.ts'
import { isConsole } from './console-guest.ts'
import { enterSignIn } from './enter-sign-in.ts'
import { beginPageSignIn } from './page-sign-in.ts'
import { timed, waitForClient } from './conversation.ts'
import type { Login } from './login.ts'
import type { SignInWay } from './sign-in-way.ts'

/**
 * Lets somebody sign in with a browser, and admits whom the provider says it was. AuthenticationOk comes
 * first, since clients show no notice before it: nothing is promised by it, and nothing goes upstream.
 */
export async function authenticateBySignIn(signIn: Login): Promise<Entrance> {
  const { attempt, pool, rules, services } = signIn
  const { integration, flows } = enterSignIn(attempt, pool, rules.signInPages !== undefined)
  const isAtConsole = isConsole(attempt.intent.database, attempt.catalog)
  // Before anybody is asked to sign in.
  if (isAtConsole) checkScope(attempt, integration)
  const provider = rules.signIns.get(integration.name)
  const keys = rules.tokens.get(integration.name)?.rules.keys
  if (provider === undefined || keys === undefined) throw new Refusal('sign-in-unavailable')
  const release = services.registry.reserveSignIn(rules.limits)
  let way: SignInWay | undefined
  try {
    way = await begin(signIn, flows, await keys.current(), provider)
    const token = await waitForToken(signIn, way)
    attempt.facts.credential = 'token'
    const admit = isAtConsole ? admitToConsoleBy : admitBy
    const admission = await timed(services.observer, attempt.facts, 'verify', async () =>
      admit(attempt, integration, token, signIn.tokens, services.now()),
    )
    way.admitted?.(admission.kind === 'console' ? 'console' : admission.role)
    return admission
  } catch (error) {
    way?.refused?.(error)
    throw error
  } finally {
    release()
  }
}

async function begin(
  signIn: Login,
  flows: readonly SignInFlow[],
  keys: IssuerKeys,
  provider: SignInProvider,
): Promise<SignInWay> {
  const flow = chooseFlow(flows, keys)
  signIn.attempt.facts.signInFlow = flow
  if (flow === 'authorizationCode') return beginPageSignIn(signIn, keys, provider)
  const grant = await beginDeviceGrant(keys, provider)
  return { ...grant, address: grant.completeUri ?? grant.verificationUri }
}

/** The first that the provider has; where it has none, the first says so. */
export function chooseFlow(flows: readonly SignInFlow[], keys: IssuerKeys): SignInFlow {
  const has = {
    deviceGrant: keys.deviceAuthorizationEndpoint !== undefined,
    authorizationCode: keys.authorizationEndpoint !== undefined,
  }
  const [first = 'deviceGrant'] = flows
  return flows.find((flow) => has[flow]) ?? first
}

async function waitForToken(signIn: Login, way: SignInWay): Promise<string> {
  const { conversation, rules, services } = signIn
  const limitMs = Math.min(way.lifetimeMs, rules.timeouts.signInMs)
  conversation.isWelcomed = true
  const text = invitation(signIn, way, limitMs)
  conversation.socket.write(Buffer.concat([signIn.greeting, authenticationOk, notice(text)]))
  const askedAt = performance.now()
  const over = new AbortController()
  const signedIn = way.token(over.signal)
  // Whoever is no longer waited for may still be denied.
  signedIn.catch(() => {})
  try {
    return await timed(services.observer, conversation.facts, 'credential', async () =>
      waitForClient(
        conversation,
        limitMs,
        new Refusal('sign-in-timeout', { values: { seconds: Math.round(limitMs / 1_000) } }),
        Promise.race([signedIn, conversation.reader.lost()]),
      ),
    )
  } finally {
    conversation.credentialMs = performance.now() - askedAt
    over.abort()
  }
}

/** Who asks is told, so that nobody approves what somebody else began. */
function invitation(
  { attempt: { intent, facts } }: Login,
  { userCode, address, devicePage }: SignInWay,
  limitMs: number,
): { readonly message: string; readonly detail: string; readonly hint: string } {
  const application = intent.applicationName === '' ? 'a client' : printable(intent.applicationName)
  const database = printable(intent.database)
  const minutes = Math.max(1, Math.round(limitMs / 60_000))
  const wait = minutes === 1 ? '1 minute' : `${minutes} minutes`
  const elsewhere =
    devicePage === undefined ? '' : ` The code can also be entered at ${devicePage}.`
  return {
    message: `sign in at ${address} and check that it shows the code ${userCode}`,
    detail: `${application} at ${facts.peer.address} asks for database "${database}". This waits for ${wait}.`,
    hint: `Approve it only if you began it yourself.${elsewhere}`,
  }
}
