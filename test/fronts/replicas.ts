import { copyFile, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Gateway } from '../../demo/gateway.ts'
import { freePort } from '../../demo/ports.ts'
import type { GatewayConfig, Stack } from '../support/stack.ts'
import type { Ports } from './front.ts'

/** A gateway on ports that stay when it is started again. */
export interface Replica extends AsyncDisposable {
  readonly ports: Ports
  readonly gateway: Gateway
  start(): Promise<void>
}

/** No port twice. */
export async function choosePortsFor(replicas: number): Promise<readonly Ports[]> {
  const chosen = new Set<number>()
  while (chosen.size < 3 * replicas) chosen.add(await freePort())
  const all = [...chosen]
  return Array.from({ length: replicas }, () => {
    const [sessions = 0, health = 0, pages = 0] = all.splice(0, 3)
    return { sessions, health, pages }
  })
}

/** What of the configuration is a replica's own. */
export function listenOn(config: GatewayConfig, { sessions, health, pages }: Ports): void {
  config['http'] = { listen_port: health }
  for (const pool of Object.values(config.connectivity_pools))
    pool['participants'] = [{ node: 'gw0', listen_address: '127.0.0.1', listen_port: sessions }]
  if ('web' in config) Object.assign(config['web'] as object, { listen_port: pages })
}

/** One more gateway with the configuration of the stack. */
export async function startReplica(
  stack: Stack,
  ports: Ports,
  change: (config: GatewayConfig) => void = () => {},
): Promise<Replica> {
  const folder = await mkdtempDisposable(join(tmpdir(), 'portcullis-test-replica-'))
  for (const file of ['ca.crt', 'server.crt', 'server.key'])
    await copyFile(join(stack.folder, file), join(folder.path, file))
  const config = structuredClone(stack.config)
  listenOn(config, ports)
  // Of all replicas in one file: what there is to know is in it, whoever wrote it.
  config['audit'] = { sink: 'file', file: join(stack.folder, 'audit.jsonl') }
  change(config)
  let gateway = await Gateway.start({ folder: folder.path, config })
  return {
    ports,
    get gateway() {
      return gateway
    },
    start: async () => {
      await gateway.stop()
      gateway = await Gateway.start({ folder: folder.path, config })
    },
    [Symbol.asyncDispose]: async () => {
      await gateway.stop()
      await folder[Symbol.asyncDispose]()
    },
  }
}
