// Who is not let in although everything else would be right, and where it is said.
import { contains, type Network, parseAddress, parseNetwork } from '../policy/network.ts'
import { printable, Refusal } from '../refusal.ts'
import type { SessionFacts } from './observer.ts'
import { selects, type SessionSelector } from './session-selector.ts'

export interface Denial {
  readonly selector: SessionSelector
  /** From then on it counts for nothing; undefined: for ever. */
  readonly untilMs: number | undefined
  /** Where it is from, for the log and for `portcullis explain`: never shown to the client. */
  readonly why: string
}

/**
 * Denials, found by what they name: a login costs as many comparisons as there are denials that could be
 * meant, and not as there are denials.
 */
export class Denials {
  readonly #byKey = new Map<string, Denial[]>()
  /** Those that name nobody by a single value. */
  readonly #others: Denial[] = []
  readonly #networks: { readonly network: Network; readonly denial: Denial }[] = []
  #size = 0

  constructor(denials: Iterable<Denial> = []) {
    for (const denial of denials) this.add(denial)
  }

  get size(): number {
    return this.#size
  }

  /** All of them, in no order. */
  *entries(): Iterable<Denial> {
    for (const denials of this.#byKey.values()) yield* denials
    yield* this.#others
    for (const { denial } of this.#networks) yield denial
  }

  add(denial: Denial): void {
    this.#size++
    const key = keyOf(denial.selector)
    const { address } = denial.selector
    if (key !== undefined) {
      const known = this.#byKey.get(key)
      if (known === undefined) this.#byKey.set(key, [denial])
      else known.push(denial)
    } else if (address === undefined) this.#others.push(denial)
    else this.#networks.push({ network: parseNetwork(address), denial })
  }

  remove(denial: Denial): void {
    const key = keyOf(denial.selector)
    const known = key === undefined ? undefined : this.#byKey.get(key)
    const isFound =
      key === undefined
        ? takeFrom(this.#others, (one) => one === denial) ||
          takeFrom(this.#networks, (one) => one.denial === denial)
        : known !== undefined && takeFrom(known, (one) => one === denial)
    if (isFound) this.#size--
    if (key !== undefined && known?.length === 0) this.#byKey.delete(key)
  }

  /** The first denial that is meant for a session, as far as it is known. */
  find(facts: SessionFacts, now: Date): Denial | undefined {
    const isMeant = ({ selector, untilMs }: Denial): boolean =>
      (untilMs === undefined || now.getTime() < untilMs) && selects(selector, facts)
    for (const key of keysOf(facts)) {
      const found = this.#byKey.get(key)?.find(isMeant)
      if (found !== undefined) return found
    }
    return this.#ofAddress(facts.peer.address).find(isMeant) ?? this.#others.find(isMeant)
  }

  #ofAddress(peer: string): readonly Denial[] {
    if (this.#networks.length === 0) return []
    const address = parseAddress(peer)
    if (address === undefined) return []
    return this.#networks
      .filter(({ network }) => contains(network, address))
      .map(({ denial }) => denial)
  }
}

/** Whether there was one. */
function takeFrom<T>(list: T[], isMeant: (one: T) => boolean): boolean {
  const index = list.findIndex(isMeant)
  if (index === -1) return false
  list.splice(index, 1)
  return true
}

/** The criteria that mean few, the fewest first. */
const keyed = ['session', 'tokenIdHash', 'sid', 'subject', 'principal', 'role', 'group'] as const

function keyOf(selector: SessionSelector): string | undefined {
  const name = keyed.find((one) => selector[one] !== undefined)
  return name && indexed(name, selector[name] ?? '')
}

/** Of the token that a session token was made of no more is known. */
const knownOfTokenId = 12

function indexed(name: (typeof keyed)[number], value: string): string {
  return `${name} ${name === 'tokenIdHash' ? value.slice(0, knownOfTokenId) : value}`
}

function keysOf({ id, identity, role }: SessionFacts): readonly string[] {
  const values: readonly (readonly [(typeof keyed)[number], string | undefined])[] = [
    ['session', id],
    ['role', role],
    ['tokenIdHash', identity?.tokenIdHash],
    ['tokenIdHash', identity?.madeOfTokenIdHash],
    ['sid', identity?.sid],
    ['subject', identity?.subject],
    ...(identity?.names ?? []).map((name) => ['principal', name] as const),
    ...(identity?.groups ?? []).map((group) => ['group', group] as const),
  ]
  return values.flatMap(([name, value]) => (value === undefined ? [] : indexed(name, value)))
}

export function deniedBy({ why }: Denial): Refusal {
  return new Refusal('denied', { logDetail: printable(why) })
}
