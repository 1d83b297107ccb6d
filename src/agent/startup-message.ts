// What a client asks for, and what of that is passed on.
import {
  readStartupPacket,
  type StartupPacket,
  type Taken,
  writeStartupMessage,
} from '../wire/startup.ts'

/** A startup message with everything that it has, in the order in which it came: options of the protocol, too. */
export interface AskedStartup {
  readonly kind: 'startup'
  readonly minorVersion: number
  readonly pairs: readonly (readonly [name: string, value: string])[]
}

export type ClientPacket = Exclude<StartupPacket, { kind: 'startup' }> | AskedStartup

/** Reads one packet; undefined while it is incomplete. Throws a Refusal. */
export function readClientPacket(bytes: Buffer): Taken<ClientPacket> | undefined {
  const taken = readStartupPacket(bytes)
  if (taken === undefined) return undefined
  const { value, length } = taken
  if (value.kind !== 'startup') return { value, length }
  const { minorVersion } = value
  return {
    value: { kind: 'startup', minorVersion, pairs: pairsIn(bytes.subarray(8, length)) },
    length,
  }
}

/** Of a body that has been read already: it is whole, and it is UTF-8. */
function pairsIn(body: Buffer): AskedStartup['pairs'] {
  const texts = body.toString('utf8').split('\0')
  const pairs: (readonly [string, string])[] = []
  for (let at = 0; at + 1 < texts.length; at += 2) {
    const [name = '', value = ''] = [texts[at], texts[at + 1]]
    if (name === '') break
    pairs.push([name, value])
  }
  return pairs
}

/** Whom and what a client means that does not say so, or whatever it says. */
export interface StartupDefaults {
  /** What libpq and JDBC name where nobody has named a user: the user of this machine. */
  readonly systemUser: string | undefined
  readonly user?: string | undefined
  readonly database?: string | undefined
  /** Used whatever the client says. */
  readonly forcedUser: string | undefined
  readonly forcedDatabase: string | undefined
}

/**
 * The startup message for the gateway. A client that names nobody, or the user of the system, has named no user;
 * one that names the database like the user has named no database, since that is what libpq makes of it.
 */
export function startupFor(
  { pairs, minorVersion }: AskedStartup,
  defaults: StartupDefaults,
): Buffer {
  const valueOf = (name: string): string => pairs.find(([one]) => one === name)?.[1] ?? ''
  const [askedUser, askedDatabase] = [valueOf('user'), valueOf('database')]
  const isNobody = askedUser === '' || askedUser === defaults.systemUser
  const isNowhere =
    askedDatabase === '' || askedDatabase === askedUser || askedDatabase === defaults.systemUser
  const user = defaults.forcedUser ?? (isNobody ? defaults.user : undefined) ?? askedUser
  const database =
    defaults.forcedDatabase ?? (isNowhere ? defaults.database : undefined) ?? askedDatabase
  const rest = pairs.filter(([name]) => name !== 'user' && name !== 'database')
  const named = [
    ['user', user],
    ['database', database],
  ] as const
  return writeStartupMessage([...named.filter(([, value]) => value !== ''), ...rest], minorVersion)
}
