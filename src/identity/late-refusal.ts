import { Refusal } from '../refusal.ts'
import type { TokenIdentity } from './token-identity.ts'

/**
 * A refusal of a genuine token by a check that CockroachDB makes after it knows who may be whom. Whoever
 * decides has to refuse too, and may say an earlier reason: what is here admits nobody, it is no Principal.
 */
export class LateRefusal extends Refusal {
  readonly identity: TokenIdentity

  constructor(refusal: Refusal, identity: TokenIdentity) {
    super(refusal.reason, refusal)
    this.identity = identity
  }
}
