import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { Refusal } from '../refusal.ts'
import { dial } from './dial.ts'
import { HostAddresses, systemLookup } from './host-addresses.ts'
import type { UpstreamHost, UpstreamTarget } from './target.ts'

/** Dials the addresses of a host one after the other, until somebody listens at one. */
export async function dialHost(
  host: UpstreamHost,
  target: UpstreamTarget,
  onSocket: (socket: Socket) => void,
  secureContext?: SecureContext,
): Promise<Socket> {
  const names = new HostAddresses(systemLookup, () => performance.now())
  const addresses = await names.find(host, target.connectTimeoutMs)
  for (const [index, address] of addresses.entries()) {
    try {
      return await dial({ ...host, address }, target, onSocket, secureContext)
    } catch (error) {
      const isAway = error instanceof Refusal && error.reason === 'upstream-unreachable'
      if (!isAway || index === addresses.length - 1) throw error
    }
  }
  throw new Error('a host without addresses')
}
