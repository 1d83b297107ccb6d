import { isIP } from 'node:net'
import { parseAddress } from '../../../src/policy/network.ts'
import { Refusal } from '../../../src/refusal.ts'
import { type ProxyHeader, readProxyHeader } from '../../../src/wire/proxy-header.ts'
import { pureTarget, readStream, type Target, Violation } from '../target.ts'

const signature = '0d0a0d0a000d0a515549540a'
const maxHeaderBytes = 16 + 4_096

export function proxyHeaderTarget(): Target {
  return pureTarget({
    name: 'proxy-header',
    maxBytes: 400,
    seeds: [
      Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n'),
      Buffer.from('PROXY TCP6 2001:db8::1 ::1 1 2\r\n'),
      Buffer.from('PROXY TCP6 ::ffff:192.0.2.7 ::1 65535 2\r\n'),
      Buffer.from('PROXY UNKNOWN whatever it is\r\n'),
      Buffer.from(`${signature}2111000cc0000207c6336401dc0401bb`, 'hex'),
      Buffer.from(`${signature}21210024${'20010db8'.repeat(8)}dc0401bb`, 'hex'),
      Buffer.from(`${signature}20000000`, 'hex'),
      Buffer.from(`${signature}21110013c0000207c6336401dc0401bb04000400000000`, 'hex'),
    ],
    run: (input) =>
      readStream(input, {
        read: readProxyHeader,
        describe,
        expected: (error) =>
          error instanceof Refusal && error.reason === 'malformed-startup'
            ? (error.logDetail ?? '').replaceAll(/\d+/g, 'n')
            : undefined,
        maxUnread: maxHeaderBytes,
      }),
  })
}

function describe(header: ProxyHeader): string {
  if (header.kind === 'local') return 'local'
  const { address, port } = header.source
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Violation(`port ${String(port)}`)
  }
  // It is compared with networks and written into the audit record: all readers must agree on it.
  if (isIP(address) === 0 || parseAddress(address) === undefined) {
    throw new Violation(`${JSON.stringify(address)} is no address`)
  }
  return `${address} ${port}`
}
