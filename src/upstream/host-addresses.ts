import { lookup as lookupName } from 'node:dns/promises'
import { isIP } from 'node:net'
import { LRUCache } from 'lru-cache'
import { Refusal } from '../refusal.ts'
import { isSocketHost, socketPath } from './endpoint.ts'
import type { UpstreamHost } from './target.ts'
import { withinMs } from './within.ts'

/** The addresses of a name, in the order in which they are to be tried. */
export type Lookup = (name: string) => Promise<readonly string[]>

/**
 * As the system looks names up: `/etc/hosts`, search domains and the order of addresses count, which
 * queries of our own to a name server would pass by.
 */
export const systemLookup: Lookup = async (name) =>
  (await lookupName(name, { all: true, order: 'verbatim' })).map(({ address }) => address)

interface Known {
  readonly addresses: readonly string[]
  readonly atMs: number
}

/** A name, and what the resolver said of it. */
export interface KnownHost {
  readonly name: string
  readonly addresses: readonly string[]
  /** Until it is looked up again, where a login needs it. */
  readonly freshForMs: number
}

const maxNames = 1_000
const maxAddresses = 16
/** A login asks nobody for so long; a name that moves is followed after it. */
const freshMs = 5_000
/** For so long the last answer is better than none. */
const staleMs = 10 * 60_000
/** How long a login waits for a new answer where there is an old one. */
const patienceMs = 1_000
/** A lookup has no deadline and takes one of the four threads that hash passwords and read files, too. */
const maxLookups = 2

/**
 * Where hosts are. Whatever the resolver does, a login waits for it no longer than it may, and does not
 * wait at all while the last answer is fresh.
 */
export class HostAddresses {
  readonly #lookup: Lookup
  readonly #nowMs: () => number
  readonly #known = new LRUCache<string, Known>({ max: maxNames })
  readonly #asking = new Map<string, Promise<readonly string[]>>()
  readonly #waiting: (() => void)[] = []
  #lookups = 0

  constructor(lookup: Lookup, nowMs: () => number) {
    this.#lookup = lookup
    this.#nowMs = nowMs
  }

  get known(): readonly KnownHost[] {
    return [...this.#known.entries()].map(([name, { addresses, atMs }]) => {
      const ageMs = this.#nowMs() - atMs
      return { name, addresses, freshForMs: Math.max(0, freshMs - ageMs) }
    })
  }

  /** At least one, or a Refusal within the limit. */
  async find(host: UpstreamHost, limitMs: number): Promise<readonly string[]> {
    const { host: name } = host
    if (name.startsWith('@')) return [`\0${socketPath(host).slice(1)}`]
    if (isSocketHost(name)) return [socketPath(host)]
    if (isIP(name) !== 0) return [name]
    const known = this.#known.get(name)
    const ageMs = known === undefined ? Infinity : this.#nowMs() - known.atMs
    if (known !== undefined && ageMs < freshMs) return known.addresses
    const old = known !== undefined && ageMs < staleMs ? known.addresses : undefined
    const patience = old === undefined ? limitMs : Math.min(patienceMs, limitMs)
    const late = new Refusal('upstream-timeout', { logDetail: `the addresses of ${name}` })
    try {
      return await withinMs(this.#ask(name), patience, late)
    } catch (cause) {
      if (old !== undefined) return old
      if (cause instanceof Refusal) throw cause
      throw new Refusal('upstream-unreachable', { logDetail: `the addresses of ${name}`, cause })
    }
  }

  /** None of them could be reached: the next login asks again. */
  doubt({ host: name }: UpstreamHost): void {
    const known = this.#known.peek(name)
    if (known === undefined) return
    const atMs = Math.min(known.atMs, this.#nowMs() - freshMs)
    this.#known.set(name, { ...known, atMs })
  }

  /** However many logins want to know, a name is asked for once at a time. */
  async #ask(name: string): Promise<readonly string[]> {
    const asking = this.#asking.get(name) ?? this.#askNow(name)
    this.#asking.set(name, asking)
    return asking
  }

  async #askNow(name: string): Promise<readonly string[]> {
    try {
      if (this.#lookups >= maxLookups) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve))
      } else {
        this.#lookups++
      }
      const found = await this.#lookup(name).finally(() => {
        this.#passOn()
      })
      const addresses = [...new Set(found)].slice(0, maxAddresses)
      if (addresses.length === 0) throw new Error('it has none')
      this.#known.set(name, { addresses, atMs: this.#nowMs() })
      return addresses
    } finally {
      this.#asking.delete(name)
    }
  }

  #passOn(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#lookups--
    else next()
  }
}
