import type { Environment } from '../../credentials/environment.ts'
import type { Grant } from '../../credentials/grant.ts'
import { type NamedProfile, openCredentials } from '../../credentials/open-credentials.ts'
import { openProfiles } from '../../credentials/profile-store.ts'
import type { TokenKeeper, TokenWish } from '../../credentials/token-keeper.ts'
import { printable } from '../../refusal.ts'
import { canAsk, createInteraction } from './interaction.ts'
import type { ClientOptions } from './options.ts'

/** So long is what takes a token to connect: pools, people who read what is printed. */
export const defaultMinimumMs = 60_000

export interface HadToken {
  readonly named: NamedProfile
  readonly grant: Grant
}

/** The profile that is meant, and a token of it that is good. */
export async function haveToken(
  { profile, interaction }: ClientOptions,
  environment: Environment,
  wish: Omit<TokenWish, 'interaction'> = {},
): Promise<HadToken> {
  const named = await openProfiles(environment).read(profile)
  const asks = canAsk(environment, interaction) ? createInteraction(environment) : undefined
  const keeper = openForPeople(named, environment, asks !== undefined)
  const isDeprecated = named.profile.signIn.flow === 'password'
  const before = isDeprecated ? await keeper.kept() : undefined
  const grant = await keeper.token({
    ...wish,
    minimumMs: wish.minimumMs ?? defaultMinimumMs,
    interaction: asks,
  })
  const tokens = [before?.grant.token, before?.session?.token]
  if (isDeprecated && !tokens.includes(grant.token)) sayThatItIsDeprecated()
  return { named, grant }
}

/** What went wrong and was no reason to give out no token is said, and does not change what is printed. */
export function openForPeople(
  named: NamedProfile,
  environment: Environment,
  isAttended: boolean,
): TokenKeeper {
  return openCredentials(named, environment, {
    isAttended,
    onWarning: ({ message }) => {
      process.stderr.write(`portcullis: ${printable(message, 1_000)}\n`)
    },
  })
}

export function sayThatItIsDeprecated(): void {
  process.stderr.write(
    'portcullis: the password grant is deprecated, and providers take it away: sign in with a browser or a device, or use a workload identity\n',
  )
}

/** As whom the gateway last said that somebody may connect, for what is written without a token. */
export async function lastGrant(
  named: NamedProfile,
  environment: Environment,
): Promise<Pick<Grant, 'user'>> {
  const { session, grant } = (await openCredentials(named, environment).kept()) ?? {}
  return session ?? grant ?? {}
}
