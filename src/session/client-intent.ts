// What a client means by its startup message: whom it wants to be, where, and which of the parameters
// are for Portcullis. Ours never reach the upstream.
import { Refusal } from '../refusal.ts'
import type { StartupMessage } from '../wire/startup.ts'

export interface ClientIntent {
  /** As the client wrote it. */
  readonly user: string
  /** The role asked for; undefined for `id_token`, which takes what its groups give. */
  readonly role: string | undefined
  readonly tokenUser: 'id_token' | 'access_token' | undefined
  /** The scope behind `@` of a token-type user. */
  readonly qualifier: string | undefined
  readonly database: string
  readonly applicationName: string
  readonly identityProvider: string | undefined
  /** Whether the client said that its password is a token. */
  readonly declaresToken: boolean
  /** What goes upstream besides user and database. */
  readonly parameters: ReadonlyMap<string, string>
}

/** Settings that clients of Ocient and CockroachDB send to their gateway, in lower case. */
const ownSettings = new Set([
  'identityprovider',
  'handshake',
  'ssooauthflow',
  'crdb:jwt_auth_enabled',
])

/** What may go upstream: settings of PostgreSQL and its extensions, which are named like this. */
const settingName = /^[A-Za-z_][\w.$]*$/

export function readIntent(startup: StartupMessage): ClientIntent {
  const { user, database, replication, options, ...settings } = Object.fromEntries(
    startup.parameters,
  )
  if (user === undefined || user === '') throw new Refusal('no-user')
  if (replication !== undefined && !/^(false|off|no|0)$/i.test(replication)) {
    throw new Refusal('replication-unsupported')
  }
  const own = new Map<string, string>()
  const parameters = new Map<string, string>()
  for (const [name, value] of Object.entries(settings)) {
    if (ownSettings.has(name.toLowerCase())) own.set(name.toLowerCase(), value)
    else if (settingName.test(name)) parameters.set(name, value)
    else throw new Refusal('malformed-startup', { logDetail: 'a parameter that is no setting' })
  }
  const rest = takeOwnOptions(options ?? '', own)
  if (rest !== '') parameters.set('options', rest)

  const [, type, qualifier] = /^(id_token|access_token)(?:@(.+))?$/s.exec(user) ?? []
  const tokenUser = type === 'id_token' || type === 'access_token' ? type : undefined
  return {
    user,
    role: tokenUser === undefined ? user : undefined,
    tokenUser,
    qualifier,
    // PostgreSQL connects to the database named like the user when none is named.
    database: database === undefined || database === '' ? user : database,
    applicationName: settings['application_name'] ?? '',
    identityProvider: own.get('identityprovider'),
    declaresToken: tokenUser !== undefined || own.get('crdb:jwt_auth_enabled') === 'true',
    parameters,
  }
}

/**
 * Takes our own settings out of `options`, which PostgreSQL splits at blanks with a backslash as escape
 * (pg_split_opts), and returns the others as they were written.
 */
function takeOwnOptions(options: string, own: Map<string, string>): string {
  const words = options.match(/(?:\\[^]|[^\s\\])+/g) ?? []
  const kept: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? ''
    const isSeparate = word === '-c'
    const setting = isSeparate ? words[i + 1] : /^(?:--|-c)([^]+)$/.exec(word)?.[1]
    const [name, value] = readSetting(setting ?? '')
    if (ownSettings.has(name)) {
      own.set(name, value)
      if (isSeparate) i++
    } else kept.push(word)
  }
  return kept.join(' ')
}

function readSetting(setting: string): [name: string, value: string] {
  const text = setting.replaceAll(/\\([^])/g, '$1')
  const equals = text.indexOf('=')
  if (equals === -1) return ['', '']
  return [text.slice(0, equals).toLowerCase(), text.slice(equals + 1)]
}
