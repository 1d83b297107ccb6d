import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** A range of addresses in CIDR notation. */
export interface Network {
  readonly text: string
  readonly base: Address
  readonly prefixLength: number
}

/** Parses `10.0.0.0/8`, `2001:db8::/32` or a single address; throws on anything else. */
export function parseNetwork(text: string): Network {
  if (!text.includes('/')) {
    const base = ipaddr.process(text)
    return { text, base, prefixLength: base.kind() === 'ipv4' ? 32 : 128 }
  }
  const [base, prefixLength] = ipaddr.parseCIDR(text)
  // As with addresses: a range of mapped IPv4 addresses is the range of IPv4 addresses.
  if (base instanceof ipaddr.IPv6 && base.isIPv4MappedAddress() && prefixLength >= 96) {
    return { text, base: base.toIPv4Address(), prefixLength: prefixLength - 96 }
  }
  return { text, base, prefixLength }
}

/** Parses a peer's address; an IPv4 address that arrived on an IPv6 socket is the IPv4 address. */
export function parseAddress(text: string): Address | undefined {
  return ipaddr.isValid(text) ? ipaddr.process(text) : undefined
}

export function contains(network: Network, address: Address): boolean {
  return network.base.kind() === address.kind() && address.match(network.base, network.prefixLength)
}

const bytesOfBlock = 8

/**
 * What counts as one address. Whoever has one IPv6 address has all of its /64 (RFC 4291, 2.5.1). Undefined
 * for what is no address of a network.
 */
export function blockOf(address: string): string | undefined {
  const bytes = parseAddress(address)?.toByteArray()
  return bytes && Buffer.from(bytes.slice(0, bytesOfBlock)).toString('hex')
}
