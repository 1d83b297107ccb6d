// Whether somebody who has no session at a database is kept out: by the deny file, a revocation or a logout.
import { createHash } from 'node:crypto'
import { type DenyListObserver, readDenyList, watchDenyList } from './deny-list.ts'
import type { KeptIdentity } from './identity/kept-identity.ts'
import type { ReadSessionToken } from './identity/session-token.ts'
import type { Catalog } from './policy/catalog.ts'
import { groupsOf } from './policy/decide.ts'
import { Denials } from './session/denials.ts'
import { factsOfKept } from './session/kept-facts.ts'
import type { SessionFacts } from './session/observer.ts'
import type { EndOrder } from './session/revocations.ts'
import { selects } from './session/session-selector.ts'

export interface KeptOutOptions {
  readonly catalog: () => Catalog
  /** Those that refuse logins still. */
  readonly standingOrders: () => readonly EndOrder[]
  readonly onFailure: (error: unknown) => void
  readonly now: () => Date
}

export class KeptOut {
  readonly #options: KeptOutOptions
  #denials = new Denials()
  #unwatch: () => void = () => {}

  constructor(options: KeptOutOptions) {
    this.#options = options
  }

  /** Throws where the file cannot be used. */
  follow(denyFile: string | undefined): void {
    const { denials, version } = readDenyList(denyFile)
    const observer: DenyListObserver = {
      loaded: (changed) => {
        this.#denials = changed
      },
      failed: this.#options.onFailure,
    }
    this.#unwatch()
    this.#denials = denials
    this.#unwatch = watchDenyList(denyFile, version, observer)
  }

  close(): void {
    this.#unwatch()
  }

  /** `session` names a sign-in of a browser. */
  has(session: string, identity: KeptIdentity, address: string): boolean {
    const { now, standingOrders } = this.#options
    const facts = this.#factsOf(session, identity, address)
    if (this.#denials.find(facts, now()) !== undefined) return true
    return standingOrders().some(({ selectors }) => selectors.some((one) => selects(one, facts)))
  }

  /** Whether it was revoked, or whoever has it is kept out. */
  hasToken({ id, identity }: ReadSessionToken): boolean {
    const tokenIdHash = createHash('sha256').update(id).digest('hex')
    const isRevoked = this.has('', { ...identity, tokenIdHash }, '')
    return isRevoked || this.has('', identity, '')
  }

  #factsOf(id: string, kept: KeptIdentity, address: string): SessionFacts {
    const catalog = this.#options.catalog()
    const integration = catalog.integrations.get(kept.integration)
    return {
      id,
      openedAt: this.#options.now(),
      peer: { address, port: 0 },
      listener: { address: 'web', port: 0 },
      integration: kept.integration,
      identity: factsOfKept(
        kept,
        integration === undefined
          ? []
          : groupsOf(kept, integration, catalog).map(({ name }) => name),
      ),
    }
  }
}
