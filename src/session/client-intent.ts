// What a client means by its startup message: whom it wants to be, where, and which of the parameters
// are for Portcullis. Ours never reach the upstream.
import type { Dialect } from '../identity/dialect.ts'
import { Refusal } from '../refusal.ts'
import { newestMinorVersion, type StartupMessage } from '../wire/startup.ts'

/** Users that stand for a kind of token instead of a role. */
const tokenUsers = ['id_token', 'access_token', 'sso'] as const

export interface ClientIntent {
  /** As the client wrote it. */
  readonly user: string
  /**
   * The role asked for; undefined for `id_token`, which takes what its groups give, and for a client of
   * CockroachDB that names no user and takes the only one it may be.
   */
  readonly role: string | undefined
  readonly tokenUser: (typeof tokenUsers)[number] | undefined
  /** Whether somebody is to sign in with a browser, instead of a credential. */
  readonly asksForSignIn: boolean
  /** By which flow, where the client says so. */
  readonly signInFlow: string | undefined
  /** The scope behind `@` of a token-type user. */
  readonly qualifier: string | undefined
  readonly database: string
  readonly applicationName: string
  readonly identityProvider: string | undefined
  /** Whether the client said that its password is a token. */
  readonly declaresToken: boolean
  /** The gateway that the client takes us for, where it says so. */
  readonly dialect: Dialect | undefined
  /** How the client wants to be asked for its credential. */
  readonly authMethod: string | undefined
  /** Whether it wants the replication protocol, physical or logical. */
  readonly asksForReplication: boolean
  /** Of the protocol that the client speaks. */
  readonly minorVersion: number
  /** What goes upstream besides user and database. */
  readonly parameters: ReadonlyMap<string, string>
}

/** Settings that clients of Ocient and CockroachDB send to their gateway, in lower case. */
const ownSettings = new Set([
  'identityprovider',
  'handshake',
  'ssooauthflow',
  'crdb:jwt_auth_enabled',
  'auth_method',
])

/** What CockroachDB's clients write for yes, in lower case. */
const trueThere = new Set<string | undefined>(['true', 't', '1'])

/** What may go upstream: settings of PostgreSQL and its extensions, which are named like this. */
const settingName = /^[A-Za-z_][\w.$]*$/

export function readIntent(startup: StartupMessage): ClientIntent {
  const { user, database, replication, options, ...settings } = Object.fromEntries(
    startup.parameters,
  )
  const own = new Map<string, string>()
  const parameters = new Map<string, string>()
  for (const [name, value] of Object.entries(settings)) {
    if (ownSettings.has(name.toLowerCase())) own.set(name.toLowerCase(), value)
    else if (settingName.test(name)) parameters.set(name, value)
    else throw new Refusal('malformed-startup', { logDetail: 'a parameter that is no setting' })
  }
  const asksForReplication = replication !== undefined && !/^(?:false|off|no|0)$/i.test(replication)
  if (asksForReplication) parameters.set('replication', replication)
  const rest = takeOwnOptions(options ?? '', own)
  if (rest !== '') parameters.set('options', rest)
  const isCockroachs = trueThere.has(own.get('crdb:jwt_auth_enabled')?.toLowerCase())
  if (user === undefined || (user === '' && !isCockroachs)) throw new Refusal('no-user')

  const [, type, qualifier] = /^(id_token|access_token|sso)(?:@(.+))?$/s.exec(user) ?? []
  const tokenUser = tokenUsers.find((one) => one === type)
  const signInFlow = own.get('ssooauthflow')
  // Without a flow, clients of Ocient mean the token that they send as the password.
  const asksForFlow = own.get('handshake')?.toLowerCase() === 'sso' && signInFlow !== undefined
  return {
    user,
    role: tokenUser === undefined && user !== '' ? user : undefined,
    tokenUser,
    qualifier,
    // PostgreSQL connects to the database named like the user when none is named.
    database: database === undefined || database === '' ? user : database,
    applicationName: settings['application_name'] ?? '',
    identityProvider: own.get('identityprovider'),
    asksForSignIn: tokenUser === 'sso' || (asksForFlow && tokenUser === undefined),
    signInFlow,
    declaresToken: tokenUser !== undefined || isCockroachs,
    dialect: isCockroachs ? 'cockroachdb' : undefined,
    authMethod: own.get('auth_method'),
    asksForReplication,
    minorVersion: Math.min(startup.minorVersion, newestMinorVersion),
    parameters,
  }
}

/**
 * Takes our own settings out of `options`, which PostgreSQL splits at the blanks of the C locale with a
 * backslash as escape (pg_split_opts), and returns the others as they were written.
 */
function takeOwnOptions(options: string, own: Map<string, string>): string {
  const words = options.match(/(?:\\[^]|[^ \t\n\v\f\r\\])+/g) ?? []
  const kept: string[] = []
  for (let i = 0; i < words.length; i++) {
    const first = words[i] ?? ''
    const isSeparate = unescaped(first) === '-c' && i + 1 < words.length
    const written = isSeparate ? [first, words[++i] ?? ''] : [first]
    const [name, value] = readSetting(written.map(unescaped))
    if (ownSettings.has(name)) own.set(name, value)
    else kept.push(...written)
  }
  return kept.join(' ')
}

/** `-c name=value`, `-cname=value` or `--name=value`, in which a hyphen of the name is an underscore. */
function readSetting([first = '', second]: readonly string[]): [name: string, value: string] {
  const setting = second ?? /^(?:--|-c)([^]+)$/.exec(first)?.[1] ?? ''
  const equals = setting.indexOf('=')
  if (equals === -1) return ['', '']
  const name = setting.slice(0, equals).toLowerCase().replaceAll('-', '_')
  return [name, setting.slice(equals + 1)]
}

function unescaped(word: string): string {
  return word.replaceAll(/\\([^])/g, '$1')
}
