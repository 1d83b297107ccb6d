import { readPasswordMessage } from '../wire/password.ts'
import type { StartupMessage } from '../wire/startup.ts'
import { authenticationCleartextPassword, negotiateProtocolVersion } from '../wire/write-backend.ts'
import {
  type Admission,
  admitPassword,
  admitToken,
  type Attempt,
  enterPool,
  readCredential,
} from './admit.ts'
import { readIntent } from './client-intent.ts'
import { type Conversation, timed, waitForClient } from './conversation.ts'
import type { ListenerAddress, Rules, SessionServices } from './services.ts'

/** From the startup message to a role: pool, TLS, credential, integration, token, decision. */
export async function authenticate(
  conversation: Conversation,
  startup: StartupMessage,
  listener: ListenerAddress,
  rules: Rules,
  services: SessionServices,
): Promise<Admission> {
  const { facts } = conversation
  const attempt: Attempt = { intent: readIntent(startup), facts, catalog: rules.catalog }
  const pool = enterPool(attempt, listener)

  const askedAt = performance.now()
  const password = await timed(services.observer, 'credential', async () =>
    askForPassword(conversation, startup, rules),
  )
  conversation.credentialMs = performance.now() - askedAt
  if (readCredential(attempt, password) === 'password') {
    return admitPassword(attempt, pool, password)
  }
  return timed(services.observer, 'verify', async () =>
    admitToken(attempt, password, rules.tokens, services.now()),
  )
}

async function askForPassword(
  conversation: Conversation,
  startup: StartupMessage,
  rules: Rules,
): Promise<string> {
  const { socket, reader } = conversation
  const needsNegotiation = startup.minorVersion > 0 || startup.protocolOptions.length > 0
  socket.write(
    needsNegotiation
      ? Buffer.concat([
          negotiateProtocolVersion(startup.protocolOptions),
          authenticationCleartextPassword,
        ])
      : authenticationCleartextPassword,
  )
  return waitForClient(
    conversation,
    rules.timeouts.authenticationMs,
    'authentication-timeout',
    reader.read((bytes) => readPasswordMessage(bytes, rules.limits.maxPasswordBytes)),
  )
}
