import { readPasswordMessage } from '../wire/password.ts'
import { authenticationCleartextPassword } from '../wire/write-backend.ts'
import { timed } from './conversation.ts'
import { type Login, readProof } from './login.ts'

/** Asks for a password in the clear, which may be a token. */
export async function askForPassword(login: Login): Promise<string> {
  const { conversation, greeting, rules, services } = login
  const askedAt = performance.now()
  const password = await timed(services.observer, conversation.facts, 'credential', async () => {
    conversation.socket.write(Buffer.concat([greeting, authenticationCleartextPassword]))
    return readProof(conversation, rules.timeouts.authenticationMs, (bytes) =>
      readPasswordMessage(bytes, rules.limits.maxPasswordBytes),
    )
  })
  conversation.credentialMs = performance.now() - askedAt
  return password
}
