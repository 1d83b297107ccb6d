import { quote } from '../problem.ts'
import type { Finding, View } from './view.ts'

/** Users that stand for a kind of token are never asked for a secret. */
const tokenUsers = /^(?:id_token|access_token|sso)(?:@|$)/

export function* checkConsole({ root: { console: section }, pools }: View): Generator<Finding> {
  if (section === undefined) return
  for (const [name, { secret }] of Object.entries(section.users)) {
    const path = ['console', 'users', name]
    if (tokenUsers.test(name)) {
      const message = 'is the user of clients that bring a token: choose another name'
      yield { path, message, isAboutKey: true }
    }
    // A verifier that is none would be taken for a password, which everybody could read here.
    if (secret.startsWith('SCRAM-SHA-256$') && !verifier.test(secret)) {
      const message =
        'must be a whole verifier, as `select rolpassword from pg_authid` shows it, or a password'
      yield { path: [...path, 'secret'], message }
    }
  }
  if (section.unix_socket === 'none') return
  for (const [name, pool] of pools) {
    for (const [
      index,
      { socket_directory: directory, socket_mode: mode },
    ] of pool.listeners.entries()) {
      if (directory === undefined || mode === '0600') continue
      yield {
        path: ['connectivity_pools', name, 'participants', index, 'socket_mode'],
        message: `must be "0600" where \`console.unix_socket\` is ${quote(section.unix_socket)}: the mode is all that says who comes to the console by it`,
      }
    }
  }
}

const verifier =
  /^SCRAM-SHA-256\$[1-9]\d{0,8}:[A-Za-z0-9+/]+={0,2}\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$/
