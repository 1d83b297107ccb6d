import type { Environment } from '../../credentials/environment.ts'
import type { Grant } from '../../credentials/grant.ts'
import { type NamedProfile, openCredentials } from '../../credentials/open-credentials.ts'
import { openProfiles } from '../../credentials/profile-store.ts'
import type { TokenWish } from '../../credentials/token-keeper.ts'
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
  const grant = await openCredentials(named, environment).token({
    minimumMs: defaultMinimumMs,
    ...wish,
    interaction: asks,
  })
  return { named, grant }
}
