// EXPLAIN LOGIN by the configuration that is in force, in the process that has it.
import { UnusableRequest } from './cli/explanation.ts'
import { composeListeners, type KeyCaches } from './compose-rules.ts'
import type { Config } from './config/index.ts'
import { type DenyList, readDenyList } from './deny-list.ts'
import {
  type ExplainedLogin,
  type LoginExplanation,
  UnexplainableLogin,
} from './admin/console-fleet.ts'
import { parseAddress } from './policy/network.ts'
import { printable } from './refusal.ts'
import { replayLogin } from './replay-login.ts'
import { type Denial, Denials } from './session/denials.ts'
import type { EndOrder } from './session/revocations.ts'
import { withinMs } from './upstream/within.ts'

/** Each may wait for a provider, and all of them take the time of the process that reloads and counts. */
const maxAtOnce = 4
/** A provider has shorter ones for each request. */
const timeoutMs = 30_000
/** Keys of issuers that were explained by before; configurations may bring others again and again. */
const maxKeyCaches = 100

export interface ExplainOptions {
  readonly config: () => Config
  /** Those that refuse logins still. */
  readonly standingOrders: () => readonly EndOrder[]
  readonly secretsOfThisStart: readonly string[]
}

export class ConsoleExplanations {
  readonly #options: ExplainOptions
  #keyCaches: KeyCaches = new Map()
  #running = 0

  constructor(options: ExplainOptions) {
    this.#options = options
  }

  /** Throws UnexplainableLogin. */
  async explain(login: ExplainedLogin): Promise<LoginExplanation> {
    if (this.#running >= maxAtOnce) {
      throw new UnexplainableLogin('too many logins are being explained, try again', '53300')
    }
    this.#running++
    const late = new UnexplainableLogin('the identity provider did not answer in time', '57014')
    // Its place is given back when it is over, and not when nobody waits for it any more.
    const explained = this.#explain(login).finally(() => this.#running--)
    try {
      return await withinMs(explained, timeoutMs, late)
    } catch (error) {
      if (!(error instanceof UnusableRequest)) throw error
      throw new UnexplainableLogin(error.message, '22023')
    }
  }

  async #explain(login: ExplainedLogin): Promise<LoginExplanation> {
    const config = this.#options.config()
    const { credential, integration: identityProvider, user, database } = login
    if (this.#keyCaches.size > maxKeyCaches) this.#keyCaches = new Map()
    const request = {
      ...{ user, database, identityProvider, ...placeOf(config, login) },
      options: undefined,
      credential: credential.kind === 'token' ? credential.token : '',
      claims: credential.kind === 'claims' ? credential.claims : undefined,
      certificate: undefined,
      isOffline: false,
    }
    return replayLogin(config, request, new Date(), {
      keyCaches: this.#keyCaches,
      secretsOfThisStart: this.#options.secretsOfThisStart,
      findDenial: this.#finder(readDenyList(config.deny_file)),
    })
  }

  #finder({ denials }: DenyList): (...asked: Parameters<Denials['find']>) => Denial | undefined {
    const ordered = new Denials(
      this.#options
        .standingOrders()
        .flatMap(({ selectors, end, refusedUntilMs }) =>
          selectors.map((selector) => ({ selector, untilMs: refusedUntilMs, why: end })),
        ),
    )
    return (facts, now) => denials.find(facts, now) ?? ordered.find(facts, now)
  }
}

/** Where the client comes in: by a listener of the pool, from an address that is its own where none is given. */
function placeOf(
  config: Config,
  { pool: name, from }: ExplainedLogin,
): { readonly listener: string | undefined; readonly from: string } {
  if (from !== undefined && parseAddress(from) === undefined) {
    throw new UnexplainableLogin(`${printable(from)} is not an IP address`, '22023')
  }
  if (name === undefined) return { listener: undefined, from: from ?? '127.0.0.1' }
  const pool = Object.hasOwn(config.connectivity_pools, name)
    ? config.connectivity_pools[name]
    : undefined
  if (pool === undefined) {
    throw new UnexplainableLogin(`there is no pool ${printable(name)}`, '42704')
  }
  const [listener] = composeListeners({ ...config, connectivity_pools: { [name]: pool } }).values()
  if (listener === undefined) {
    throw new UnexplainableLogin(`the pool ${printable(name)} has no listener here`, '22023')
  }
  const [network] = [pool.source_address].flat()
  return {
    listener:
      listener.socketMode === undefined
        ? shownAddress(listener.address, listener.port)
        : listener.address,
    from: from ?? network?.replace(/\/.*$/, '') ?? '127.0.0.1',
  }
}

function shownAddress(address: string, port: number): string {
  return `${address}:${port}`
}
