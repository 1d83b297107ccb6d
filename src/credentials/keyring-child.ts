// A process of its own for the keyring, since a call of it may hang and cannot be called off: run with `read`,
// `write` or `remove` and the name of an account. What is kept comes and goes by the standard streams alone.
import { text } from 'node:stream/consumers'
import { type Entries, readText, removeText, writeText } from './keyring-entries.ts'

const service = 'portcullis'
/** Windows keeps 2,560 bytes of UTF-16 (CRED_MAX_CREDENTIAL_BLOB_SIZE). */
const longest = process.platform === 'win32' ? 1_200 : 100_000

const [, , errand, account = ''] = process.argv
const entries = await openEntries()
switch (errand) {
  case 'read':
    process.stdout.write(JSON.stringify({ text: readText(entries, account) }))
    break
  case 'write':
    writeText(entries, account, await text(process.stdin), longest)
    process.stdout.write('{}')
    break
  case 'remove':
    removeText(entries, account)
    process.stdout.write('{}')
    break
  default:
    process.exitCode = 64
}

async function openEntries(): Promise<Entries> {
  const { Entry } = await import('@napi-rs/keyring')
  // The keyring of the kernel, where it would be looked for otherwise, forgets when somebody logs out.
  const entryOf = (name: string): InstanceType<typeof Entry> =>
    new Entry(service, name, { linux: { store: 'secret-service' } })
  return {
    get: (name) => entryOf(name).getPassword() ?? undefined,
    set: (name, value) => {
      entryOf(name).setPassword(value)
    },
    remove: (name) => {
      entryOf(name).deletePassword()
    },
  }
}
