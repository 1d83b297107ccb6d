// The ports of this node's listeners, chosen where all workers get the same.
import { createServer } from 'node:net'
import { composeListeners } from './compose-rules.ts'
import type { Config } from './config/index.ts'

/** What was chosen for the listeners of a configuration, by their keys. */
export type ChosenPorts = ReadonlyMap<string, number>

/**
 * Takes each port that is not open yet for a moment without sharing it: workers share their ports, and would
 * share them with a second instance that was started by mistake. Throws where one cannot be had. A port that
 * may be any is chosen only where several have to agree on it.
 */
export async function choosePorts(
  config: Config,
  open: ChosenPorts,
  choosesFree: boolean,
): Promise<ChosenPorts> {
  const chosen = new Map<string, number>()
  for (const { key, address, port, socketMode } of composeListeners(config).values()) {
    if (socketMode !== undefined || (port === 0 && !choosesFree)) continue
    const known = open.get(key)
    const isOurs = known !== undefined || overlapsOurs(address, port, open)
    chosen.set(key, isOurs ? (known ?? port) : await probePort(address, port))
  }
  return chosen
}

/** A configuration in which no port is left to be chosen. */
export function withPorts(config: Config, chosen: ChosenPorts): Config {
  const pools = Object.entries(config.connectivity_pools).map(([name, pool]) => {
    const participants = pool.participants.map((one) => {
      if (one.node !== config.node || one.listen_address === undefined) return one
      return {
        ...one,
        listen_port: chosen.get(keyOf(one.listen_address, one.listen_port)) ?? one.listen_port,
      }
    })
    return [name, { ...pool, participants }] as const
  })
  return { ...config, connectivity_pools: Object.fromEntries(pools) }
}

const wildcards = ['0.0.0.0', '::']

/** Whether the port is ours already, on one address or on all. */
function overlapsOurs(address: string, port: number, open: ChosenPorts): boolean {
  if (port === 0) return false
  return [...open].some(([key, openPort]) => {
    if (openPort !== port) return false
    const [other = ''] = key.split(' ')
    return other === address || wildcards.includes(other) || wildcards.includes(address)
  })
}

function keyOf(address: string, port: number): string {
  return `${address} ${port}`
}

async function probePort(address: string, port: number): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: address, port, exclusive: true }, resolve)
  })
  const bound = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof bound === 'object' && bound !== null ? bound.port : port
}
