// Networks never overlap by half: of two, one is inside the other or they are apart. So the addresses fall
// into stretches of which each is in the same networks, and these are found in one pass.
import ipaddr from 'ipaddr.js'
import type { Network } from './network.ts'

/** What somebody has by a network. */
export interface Claim<T> {
  readonly network: Network
  readonly by: T
}

/** All claims of one network. Addresses are numbers, in the order of the network. */
export interface Nest<T> {
  readonly first: bigint
  readonly last: bigint
  readonly prefixLength: number
  readonly claims: readonly T[]
}

/** Addresses from `first` on, until the next stretch; the networks that they are in, the widest first. */
export interface Stretch<T> {
  readonly first: bigint
  readonly inside: readonly T[]
}

/** The networks of one family in the order of their first addresses, those around others before them. */
export function nest<T>(claims: readonly Claim<T>[]): readonly Nest<T>[] {
  const bounded = claims.map(({ network, by }) => ({
    ...boundsOf(network),
    prefixLength: network.prefixLength,
    by,
  }))
  bounded.sort((a, b) =>
    a.first === b.first ? a.prefixLength - b.prefixLength : a.first < b.first ? -1 : 1,
  )
  const nests: (Nest<T> & { readonly claims: T[] })[] = []
  for (const { first, last, prefixLength, by } of bounded) {
    const known = nests.at(-1)
    if (known?.first === first && known.prefixLength === prefixLength) known.claims.push(by)
    else nests.push({ first, last, prefixLength, claims: [by] })
  }
  return nests
}

/** The stretches in order, none of them empty; what is returned of `inside` holds for that moment alone. */
export function* stretches<T extends Pick<Nest<unknown>, 'first' | 'last'>>(
  nests: readonly T[],
): Generator<Stretch<T>> {
  const inside: T[] = []
  /** Leaves the networks that end before an address, or all. */
  function* leave(before: bigint | undefined): Generator<Stretch<T>> {
    for (;;) {
      const left = inside.at(-1)
      if (left === undefined || (before !== undefined && left.last >= before)) return
      inside.pop()
      const first = left.last + 1n
      const around = inside.at(-1)
      const isOver = around !== undefined && around.last < first
      if (first !== before && !isOver) yield { first, inside }
    }
  }
  for (const [index, one] of nests.entries()) {
    yield* leave(one.first)
    inside.push(one)
    if (nests[index + 1]?.first !== one.first) yield { first: one.first, inside }
  }
  yield* leave(undefined)
}

/** An address as a number. */
export function numberOf(address: Network['base']): bigint {
  if (address instanceof ipaddr.IPv4) return BigInt(address.octets.reduce(append8, 0))
  const { parts } = address
  const high = BigInt(parts.slice(0, 3).reduce(append16, 0))
  const middle = BigInt(parts.slice(3, 6).reduce(append16, 0))
  return (((high << 48n) | middle) << 32n) | BigInt(parts.slice(6).reduce(append16, 0))
}

function append8(number: number, byte: number): number {
  return number * 0x100 + byte
}

/** Three of them are exact. */
function append16(number: number, part: number): number {
  return number * 0x10000 + part
}

/** Bits behind the prefix may be set in what an operator wrote. */
function boundsOf({ base, prefixLength }: Network): { first: bigint; last: bigint } {
  const free = BigInt((base.kind() === 'ipv4' ? 32 : 128) - prefixLength)
  const prefix = numberOf(base) >> free
  return { first: prefix << free, last: ((prefix + 1n) << free) - 1n }
}
