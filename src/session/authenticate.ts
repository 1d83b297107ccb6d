import { newestMinorVersion, type StartupMessage } from '../wire/startup.ts'
import { negotiateProtocolVersion } from '../wire/write-backend.ts'
import type { Attempt, Entrance } from './attempt.ts'
import { admitToConsole } from './admit-console.ts'
import { admitPassword } from './admit-password.ts'
import { admitToken, withSessionTokens } from './admit-token.ts'
import { isConsole } from './console-guest.ts'
import { authenticateAtConsole } from './console-login.ts'
import { chooseAuthMethod, enterPool } from './enter-pool.ts'
import { askForPassword } from './ask-for-password.ts'
import { readCredential } from './read-credential.ts'
import { authenticateByBearer } from './bearer-exchange.ts'
import { readIntent } from './client-intent.ts'
import { authenticateByRelay } from './password-relay.ts'
import { authenticateBySignIn } from './sign-in.ts'
import { type Conversation, timed } from './conversation.ts'
import type { Login } from './login.ts'
import { LoginSteps } from './login-steps.ts'
import { recordChecks } from './record-checks.ts'
import { throttleTokens } from './try-credential.ts'
import type { ListenerAddress, Rules, SessionServices } from './services.ts'

/** From the startup message to a role: pool, TLS, credential, integration, token, decision. */
export async function authenticate(
  conversation: Conversation,
  startup: StartupMessage,
  listener: ListenerAddress,
  rules: Rules,
  services: SessionServices,
): Promise<Entrance> {
  const { facts } = conversation
  const { steps = new LoginSteps() } = facts
  const attempt: Attempt = {
    intent: readIntent(startup),
    facts,
    catalog: rules.catalog,
    report: steps.add,
    findDenial: conversation.watch.find,
  }
  const pool = enterPool(attempt, listener)
  const greeting = negotiation(startup)
  const recorded = recordChecks(rules.tokens, steps)
  const ofSignIn = withSessionTokens(recorded, rules)
  const login: Login = { conversation, attempt, pool, greeting, rules, services, tokens: ofSignIn }
  const throttled = throttleTokens(recorded, facts, rules.limits, services)
  const tokens = withSessionTokens(throttled, rules)
  const admit = isConsole(attempt.intent.database, attempt.catalog) ? admitToConsole : admitToken
  const verify = async (token: string): Promise<Entrance> =>
    timed(services.observer, facts, 'verify', async () =>
      admit(attempt, token, tokens, services.now()),
    )
  if (attempt.intent.asksForSignIn) return authenticateBySignIn(login)
  if (admit === admitToConsole) return authenticateAtConsole({ ...login, verify }, listener)
  const method = chooseAuthMethod(attempt, pool)
  if (method === 'scram-sha-256') return authenticateByRelay(login)
  if (method === 'oauthbearer') return authenticateByBearer({ ...login, verify })
  const { kind, text } = readCredential(attempt, await askForPassword(login))
  return kind === 'password' ? admitPassword(attempt, pool, text) : verify(text)
}

/** What is said of the protocol before the first request; most often nothing. */
function negotiation({ minorVersion, protocolOptions }: StartupMessage): Buffer {
  if (minorVersion <= newestMinorVersion && protocolOptions.length === 0) return Buffer.alloc(0)
  return negotiateProtocolVersion(Math.min(minorVersion, newestMinorVersion), protocolOptions)
}
