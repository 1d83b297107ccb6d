// The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt, sections 2.1 and 2.2): a load
// balancer tells in front of the connection who the client really is.
import { Refusal } from '../refusal.ts'
import type { Taken } from './startup.ts'

export interface ProxiedPeer {
  readonly address: string
  readonly port: number
}

/** `local` where the balancer speaks for itself, as in its health checks. */
export type ProxyHeader =
  { readonly kind: 'proxied'; readonly source: ProxiedPeer } | { readonly kind: 'local' }

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const versionOnePrefix = Buffer.from('PROXY ')
/** The longest line that section 2.1 allows, its CRLF included. */
const maxVersionOneBytes = 107
const versionTwoHeadBytes = 16
/** Addresses take 36 bytes; the rest are TLVs, for which this is ample. */
const maxVersionTwoBodyBytes = 4_096

/** Reads a PROXY header; undefined while it is incomplete, a Refusal when it is anything else. */
export function readProxyHeader(bytes: Buffer): Taken<ProxyHeader> | undefined {
  if (startsLike(bytes, signature)) return readVersionTwo(bytes)
  if (startsLike(bytes, versionOnePrefix)) return readVersionOne(bytes)
  throw malformed('a PROXY header is required from this address')
}

/** Whether the bytes so far agree with the prefix, as far as either goes. */
function startsLike(bytes: Buffer, prefix: Buffer): boolean {
  const length = Math.min(bytes.length, prefix.length)
  return bytes.subarray(0, length).equals(prefix.subarray(0, length))
}

function readVersionOne(bytes: Buffer): Taken<ProxyHeader> | undefined {
  const end = bytes.subarray(0, maxVersionOneBytes).indexOf('\r\n')
  if (end === -1) {
    if (bytes.length >= maxVersionOneBytes) throw malformed('PROXY line without end')
    return undefined
  }
  const length = end + 2
  const words = bytes.toString('latin1', 0, end).split(' ')
  if (words[1] === 'UNKNOWN') return { value: { kind: 'local' }, length }
  const [, family, source, , sourcePort] = words
  const port = Number(sourcePort)
  const isAddress = family === 'TCP4' ? isIpv4 : family === 'TCP6' ? isIpv6 : undefined
  if (
    words.length !== 6 ||
    source === undefined ||
    isAddress?.(source) !== true ||
    sourcePort === undefined ||
    !/^\d{1,5}$/.test(sourcePort) ||
    port > 65_535
  ) {
    throw malformed('PROXY line of the wrong form')
  }
  return { value: { kind: 'proxied', source: { address: source, port } }, length }
}

// Without zeros in front, which some readers take for octal: an address is to be one address to all.
const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const ipv4 = new RegExp(`^(?:${octet}\\.){3}${octet}$`)
const groupsOfIpv6 = 8

function isIpv4(text: string): boolean {
  return ipv4.test(text)
}

/** RFC 4291 2.2: eight groups, of which `::` stands for one or more, and the last two may be IPv4. */
function isIpv6(text: string): boolean {
  const tail = text.slice(text.lastIndexOf(':') + 1)
  const whole = isIpv4(tail) ? `${text.slice(0, -tail.length)}0:0` : text
  const halves = whole.split('::')
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  return (
    groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group)) &&
    (halves.length === 1
      ? groups.length === groupsOfIpv6
      : halves.length === 2 && groups.length < groupsOfIpv6)
  )
}

function readVersionTwo(bytes: Buffer): Taken<ProxyHeader> | undefined {
  if (bytes.length < versionTwoHeadBytes) return undefined
  const versionAndCommand = bytes.readUInt8(12)
  const family = bytes.readUInt8(13)
  const bodyBytes = bytes.readUInt16BE(14)
  if (versionAndCommand >>> 4 !== 2) throw malformed('PROXY version other than 1 and 2')
  if (bodyBytes > maxVersionTwoBodyBytes) throw malformed(`PROXY header of ${bodyBytes} bytes`)
  const length = versionTwoHeadBytes + bodyBytes
  if (bytes.length < length) return undefined
  const command = versionAndCommand & 0x0f
  const body = bytes.subarray(versionTwoHeadBytes, length)
  if (command === 0) return { value: { kind: 'local' }, length }
  if (command !== 1) throw malformed(`PROXY command ${command}`)
  return { value: readVersionTwoSource(family, body), length }
}

function readVersionTwoSource(family: number, body: Buffer): ProxyHeader {
  switch (family) {
    case 0x11:
      if (body.length < 12) throw malformed('PROXY address cut short')
      return {
        kind: 'proxied',
        source: { address: Array.from(body.subarray(0, 4)).join('.'), port: body.readUInt16BE(8) },
      }
    case 0x21: {
      if (body.length < 36) throw malformed('PROXY address cut short')
      const groups = Array.from({ length: 8 }, (_, i) => body.readUInt16BE(i * 2).toString(16))
      return {
        kind: 'proxied',
        source: { address: groups.join(':'), port: body.readUInt16BE(32) },
      }
    }
    case 0x00:
      return { kind: 'local' }
    default:
      throw malformed(`PROXY address family ${family}`)
  }
}

function malformed(logDetail: string): Refusal {
  return new Refusal('malformed-startup', { logDetail })
}
