import { readFile } from 'node:fs/promises'
import { decodeJwt } from 'jose'
import { groupsClaim } from '../provider-configuration.ts'
import { type Client, findClient } from './client.ts'
import type { Door } from './commands.ts'
import type { Lifetime } from './lifetime.ts'
import { machine } from './people.ts'
import type { Screen } from './screen.ts'
import { run } from './shell.ts'
import { lastLines, type Stage } from './stage.ts'

const expiredForSeconds = 300
const otherService = 'https://billing.example.com'

/** Does the job in front of the user: who is let in, as what, and who is not. */
export async function tour(
  screen: Screen,
  lifetime: Lifetime,
  stage: Stage,
  door: Door,
): Promise<void> {
  const { signal } = lifetime
  const client = await findClient(door, signal)
  await lifetime.during(logInAlice(screen, stage, door, client, signal))
  await lifetime.during(logInMachine(screen, stage, client))
  await lifetime.during(refuseFour(screen, stage, client))
}

async function logInAlice(
  screen: Screen,
  stage: Stage,
  door: Door,
  client: Client,
  signal: AbortSignal,
): Promise<void> {
  screen.heading('A person logs in')
  const { idToken } = await stage.provider.signIn('alice')
  const claims = decodeJwt(idToken)
  const groups = claims[groupsClaim]
  const minutes = Math.round(((claims.exp ?? 0) - Date.now() / 1000) / 60)
  screen.print('alice has signed in at the provider. What matters in her ID token ($TOKEN):\n')
  for (const [claim, value, meaning] of [
    ['iss', claims.iss, 'who signed it'],
    ['aud', claims.aud, 'whom it is for'],
    ['sub', claims.sub, 'who she is'],
    [groupsClaim, groups, 'what she may be'],
    ['exp', `in ${minutes} minutes`, 'until when she may log in with it'],
  ] as const)
    screen.print(`  ${claim.padEnd(28)}${String(value).replace(',', ', ').padEnd(29)}${meaning}`)

  const command = client.command('app_readwrite')
  screen.print(
    `\nShe uses it as her password. The client is ${client.name}, over TLS, verify-full:\n`,
  )
  screen.command(command)
  screen.print()
  const { code, output } = await run(command, {
    folder: door.folder,
    environment: { TOKEN: idToken },
    signal,
  })
  screen.print(output.trimEnd())
  if (code !== 0) throw unexpected('alice should have been let in.', stage)
}

async function logInMachine(screen: Screen, stage: Stage, client: Client): Promise<void> {
  screen.heading('A machine logs in')
  const token = await stage.provider.clientCredentialsToken(machine)
  const { code, output } = await client.tryLogin('app_readonly', token)
  screen.print(
    `${machine} has got an access token for its client secret. With it, current_user is: ${output.trimEnd()}`,
  )
  if (code !== 0) throw unexpected(`${machine} should have been let in.`, stage)
}

async function refuseFour(screen: Screen, stage: Stage, client: Client): Promise<void> {
  const { provider, folder } = stage
  const now = Math.floor(Date.now() / 1000)
  const expired = await provider.mintIdToken('alice', {
    iat: now - expiredForSeconds - 3600,
    exp: now - expiredForSeconds,
  })
  const { accessToken: forOthers } = await provider.signIn('alice', { audience: otherService })
  const { idToken: ofCarol } = await provider.signIn('carol')
  const password = (await readFile(folder.file('secrets/app_readonly'), 'utf8')).trimEnd()

  screen.heading('Four logins are refused')
  const attempts = [
    ['1. alice, with a token that expired five minutes ago', 'app_readwrite', expired],
    [`2. alice, with a token that is meant for ${otherService}`, 'app_readwrite', forOthers],
    [
      "3. carol, whose only group (marketing) is in no one's configuration",
      'app_readonly',
      ofCarol,
    ],
    ['4. no token, but the right password of the role', 'app_readonly', password],
  ] as const
  for (const [title, role, credential] of attempts) {
    const { code, output } = await client.tryLogin(role, credential)
    screen.print(title)
    screen.quote(output)
    screen.print()
    if (code === 0) throw unexpected('This login should have been refused.', stage)
  }
}

function unexpected(what: string, { gateway }: Stage): Error {
  return new Error(`${what} Portcullis said last:\n${lastLines(gateway.log())}`)
}
