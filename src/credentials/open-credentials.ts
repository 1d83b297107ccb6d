import { createSource } from './create-source.ts'
import type { Environment } from './environment.ts'
import { MemoryStore } from './memory-store.ts'
import type { Profile } from './profile.ts'
import { TokenKeeper } from './token-keeper.ts'

/** A profile by its name, as it is kept or as it would be. */
export interface NamedProfile {
  readonly name: string
  readonly profile: Profile
}

/** Puts together what has tokens of a profile. Reads nothing and asks nobody until a token is wanted. */
export function openCredentials({ profile }: NamedProfile, environment: Environment): TokenKeeper {
  return new TokenKeeper({
    source: createSource(profile, environment),
    store: new MemoryStore(),
    exchange: undefined,
    now: Date.now,
  })
}
