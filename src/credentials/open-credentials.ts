import { createSource } from './create-source.ts'
import type { Environment } from './environment.ts'
import { exchangeAt } from './exchange-at-gateway.ts'
import { openStore } from './open-store.ts'
import type { CredentialProblem } from './problem.ts'
import type { NamedProfile, Profile } from './profile.ts'
import { TokenKeeper, type KeeperOptions } from './token-keeper.ts'

export type { NamedProfile } from './profile.ts'

export interface CredentialOptions {
  /** Whether somebody at a terminal can unlock a keyring; else it is not waited for. */
  readonly isAttended?: boolean | undefined
  /** What went wrong, and was no reason to give out no token. */
  readonly onWarning?: ((problem: CredentialProblem) => void) | undefined
}

/** Puts together what has tokens of a profile. Reads nothing and asks nobody until a token is wanted. */
export function openCredentials(
  named: NamedProfile,
  environment: Environment,
  { isAttended = false, onWarning = () => {} }: CredentialOptions = {},
): TokenKeeper {
  const { profile } = named
  const now = Date.now
  return new TokenKeeper({
    source: createSource(profile, environment),
    store: openStore(named, { environment, isAttended, now, onWarning }),
    exchange: exchangeOf(profile, environment),
    session: profile.session,
    now,
    onWarning,
  })
}

function exchangeOf(profile: Profile, environment: Environment): KeeperOptions['exchange'] {
  if (profile.signIn.flow === 'gateway') return 'given'
  return profile.gateway === undefined
    ? undefined
    : exchangeAt(profile.gateway, profile, environment)
}
