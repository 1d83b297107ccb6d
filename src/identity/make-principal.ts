// Whoever holds a Principal needs no further proof: two files may import this one, those that verify tokens of
// providers and those of our own. `npm run boundaries` sees to it.
import type { TokenIdentity } from './token-identity.ts'

const verified = Symbol('verified')

/** The holder of a token that passed every check. */
export interface Principal extends TokenIdentity {
  readonly [verified]: true
}

export function makePrincipal(identity: TokenIdentity): Principal {
  return { [verified]: true, ...identity }
}
