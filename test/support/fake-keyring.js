// In place of src/credentials/keyring-child.ts: keeps a text in a file, or does what FAKE_KEYRING says.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [, , errand, account] = process.argv
const folder = process.env.FAKE_KEYRING_FOLDER
const file = join(folder, account)
const actions = {
  fail: () => process.exit(1),
  babble: () => process.stdout.write('no JSON'),
  work: () => {
    mkdirSync(folder, { recursive: true })
    if (errand === 'write') writeFileSync(file, readFileSync(0))
    if (errand === 'remove') rmSync(file, { force: true })
    let text
    if (errand === 'read') {
      try {
        text = readFileSync(file, 'utf8')
      } catch {}
    }
    process.stdout.write(JSON.stringify({ text }))
  },
}
actions[process.env.FAKE_KEYRING ?? 'work']()
