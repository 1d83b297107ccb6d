import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** An address, or `localhost`: what a socket may be bound to. */
export function isListenAddress(text: string): boolean {
  return text === 'localhost' || isIP(text) !== 0
}

/** An address or a CIDR range. The address is checked by node: ipaddr.js also takes 127.1 and 0x7f.1. */
export function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || address.includes('%') || rest.length > 0) return false
  if (prefix === undefined) return true
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128)
}

/** One spelling for every way to write the same network, to compare two of them. */
export function canonicalNetwork(network: string): string {
  const [address = '', prefix] = network.split('/')
  const parsed = ipaddr.parse(address)
  const bits = prefix === undefined ? (parsed.kind() === 'ipv4' ? 32 : 128) : Number(prefix)
  const range = `${address}/${bits}`
  const start =
    parsed.kind() === 'ipv4'
      ? ipaddr.IPv4.networkAddressFromCIDR(range)
      : ipaddr.IPv6.networkAddressFromCIDR(range)
  return `${start.toNormalizedString()}/${bits}`
}

/** One spelling for every way to write the same address. */
export function canonicalAddress(address: string): string {
  return isIP(address) === 0 ? address : ipaddr.process(address).toNormalizedString()
}

export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true
  return isIP(host) !== 0 && ipaddr.process(host).range() === 'loopback'
}
