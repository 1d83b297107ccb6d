// Prints a fresh token of somebody, and nothing else. The demo writes a script into its folder that runs
// this with the first two arguments filled in.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { commandLineClient } from './provider-configuration.ts'
import { requestTokens, signIn, type ProviderAddress } from './sign-in.ts'
import { machine, people } from './tour/people.ts'

const [folder = '', issuer = '', who = ''] = process.argv.slice(2)
const names = [...Object.keys(people), machine]

async function freshToken(): Promise<string> {
  const authority = await readFile(join(folder, 'ca.crt'), 'utf8')
  const provider: ProviderAddress = { issuer, authority }
  if (who !== machine) {
    const client = { id: commandLineClient.client_id, secret: undefined }
    return (await signIn(provider, client, who)).idToken
  }
  const secret = (await readFile(join(folder, 'secrets', machine), 'utf8')).trimEnd()
  const parameters = { grant_type: 'client_credentials' }
  return (await requestTokens(provider, { id: machine, secret }, parameters)).access_token
}

if (!names.includes(who)) {
  process.stderr.write(`token: whose? One of ${names.join(', ')}\n`)
  process.exitCode = 64
} else {
  try {
    process.stdout.write(`${await freshToken()}\n`)
  } catch (error) {
    const why = error instanceof Error ? error.message : 'failed'
    process.stderr.write(`token: the demo does not answer, does it still run? ${why}\n`)
    process.exitCode = 1
  }
}
