import type { DriverConnection } from './driver-connection.ts'
import type { InlineProfile } from './inline-profile.ts'
import type { NamedProfile } from './open-credentials.ts'
import { CredentialProblem } from './problem.ts'
import type { TokenKeeper } from './token-keeper.ts'

export interface CredentialsOptions {
  /**
   * The name of a profile that `portcullis login` has written, or all that one would say. Left out: the one that
   * PORTCULLIS_PROFILE names, else the default one.
   */
  readonly profile?: string | InlineProfile | undefined
}

export interface FreshToken {
  readonly token: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** Fresh tokens for a program. Each of the functions can be passed on by itself. */
export interface Credentials {
  /** A token that is good for a connection now: the `password` of `pg`, the `pass` of `postgres`. */
  readonly password: () => Promise<string>
  readonly token: () => Promise<FreshToken>
  readonly connection: () => Promise<DriverConnection>
  /** Ends what is under way. There are no tokens any more. */
  readonly close: () => void
}

/** For so long a token has to be good from here: connections wait, for the network and for the database. */
const connectMs = 30_000

interface Opened {
  readonly named: NamedProfile
  readonly keeper: TokenKeeper
}

/**
 * Tokens for every connection that a program opens, however many and however long it runs. Nobody is ever asked:
 * where somebody has to sign in, calls fail with a CredentialProblem of kind `sign-in-needed`.
 */
export function createCredentials({ profile }: CredentialsOptions = {}): Credentials {
  const closing = new AbortController()
  let opening: Promise<Opened> | undefined

  const opened = async (): Promise<Opened> => {
    if (closing.signal.aborted) throw new CredentialProblem('usage', 'the credentials are closed')
    opening ??= open(profile)
    try {
      return await opening
    } catch (error) {
      // What is wrong with a profile can be put right while the program runs.
      opening = undefined
      throw error
    }
  }
  const wish = { minimumMs: connectMs, signal: closing.signal }
  const token = async (): Promise<FreshToken> => {
    const { keeper } = await opened()
    const { token, expiresAt } = await keeper.token(wish)
    return { token, expiresAt }
  }
  return {
    password: async () => (await token()).token,
    token,
    connection: async () => {
      const { named, keeper } = await opened()
      const { toDriverConnection } = await import('./to-driver-connection.ts')
      return toDriverConnection(named, await keeper.token(wish))
    },
    close: () => {
      closing.abort(new CredentialProblem('usage', 'the credentials are closed'))
    },
  }
}

/** Loaded with the first token: a program that imports this pays for nothing that it may not need. */
async function open(profile: string | InlineProfile | undefined): Promise<Opened> {
  const [{ processEnvironment }, { openCredentials }] = await Promise.all([
    import('./environment.ts'),
    import('./open-credentials.ts'),
  ])
  const environment = processEnvironment()
  const named = await read(profile, environment)
  return { named, keeper: openCredentials(named, environment) }
}

async function read(
  profile: string | InlineProfile | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<NamedProfile> {
  if (typeof profile === 'object') {
    const { readInlineProfile } = await import('./inline-profile.ts')
    return { name: 'inline', profile: readInlineProfile(profile) }
  }
  const { openProfiles } = await import('./profile-store.ts')
  return openProfiles(environment).read(profile)
}
