// Replicas of one configuration behind HAProxy, as docs/load-balancers.md has it.
import { once } from 'node:events'
import { freePort } from '../../demo/ports.ts'
import type { Gateway } from '../../demo/gateway.ts'
import { type HaproxyFront, startHaproxy } from '../fronts/haproxy.ts'
import { choosePortsFor, listenOn, type Replica, startReplica } from '../fronts/replicas.ts'
import type { Ports } from '../fronts/front.ts'
import { type GatewayConfig, Stack, type StackOptions } from '../support/stack.ts'
import { until } from '../support/until.ts'

export interface SceneOptions extends Pick<StackOptions, 'clients'> {
  readonly replicas: number
  readonly configure?: (config: GatewayConfig) => void
  /** What of the configuration is a replica's own. */
  readonly configureReplica?: (config: GatewayConfig, index: number) => void
  readonly pagesPort?: number
}

type Place = Pick<Replica, 'ports' | 'gateway' | 'start'>

export class Scene {
  readonly stack: Stack
  readonly replicas: readonly Place[]
  readonly front: HaproxyFront
  /** Where HAProxy takes sessions. */
  readonly port: number
  readonly #belongings: AsyncDisposableStack

  private constructor(
    parts: Pick<Scene, 'stack' | 'replicas' | 'front' | 'port'>,
    belongings: AsyncDisposableStack,
  ) {
    this.stack = parts.stack
    this.replicas = parts.replicas
    this.front = parts.front
    this.port = parts.port
    this.#belongings = belongings
  }

  static async start(options: SceneOptions): Promise<Scene> {
    const { configure = () => {}, configureReplica = () => {} } = options
    await using begun = new AsyncDisposableStack()
    const ports = await choosePortsFor(options.replicas)
    const pagesPort = options.pagesPort ?? (await freePort())
    const port = await freePort()
    const own = (config: GatewayConfig, index: number): void => {
      config['node'] = nodeOf(index)
      listenOn(config, ports[index]!)
      listenBeside(config, ports)
      configureReplica(config, index)
      // Without what YAML would write as an alias, which no console changes.
      Object.assign(config, JSON.parse(JSON.stringify(config)))
    }
    const stack = begun.use(
      await Stack.start({
        ...(options.clients && { clients: options.clients }),
        settings: { max_connections: '200' },
        configure: (config) => {
          config['trusted_proxies'] = ['127.0.0.1']
          config['log'] = { level: 'info' }
          Object.assign(config.timeouts, { drain_delay: '4s', drain: '20s' })
          configure(config)
          own(config, 0)
        },
      }),
    )
    const first: Place = {
      ports: ports[0]!,
      get gateway() {
        return stack.gateway
      },
      start: async () => stack.restartGateway(),
    }
    const others = await Promise.all(
      Array.from({ length: options.replicas - 1 }, async (_, index) =>
        begun.use(
          await startReplica(stack, ports[index + 1]!, (config) => {
            own(config, index + 1)
          }),
        ),
      ),
    )
    const replicas = [first, ...others]
    const tls = await stack.authority.issue({ commonName: 'pages' })
    const front = begun.use(
      await startHaproxy({
        folder: stack.folder,
        replicas: replicas.map(({ ports }) => ports),
        sessionsPort: port,
        pagesPort,
        tls,
      }),
    )
    const scene = new Scene({ stack, replicas, front, port }, begun.move())
    await scene.allIn()
    return scene
  }

  gateway(index: number): Gateway {
    const place = this.replicas[index]
    if (place === undefined) throw new Error(`there is no replica ${index}`)
    return place.gateway
  }

  /** Waits until HAProxy sends sessions to all of them. */
  async allIn(): Promise<void> {
    await until('all replicas to be in', async () => {
      const out = await Promise.all(this.replicas.map(async (_, index) => this.front.isOut(index)))
      return !out.includes(true)
    })
  }

  async isOut(index: number): Promise<void> {
    await until(`replica ${index} to be out`, async () => this.front.isOut(index))
  }

  /** As a Deployment replaces one: it is told to stop, takes the time that it takes, and another comes in its place. */
  async replace(index: number): Promise<void> {
    const { process: old } = this.gateway(index)
    const exited = once(old, 'exit')
    old.kill('SIGTERM')
    await this.isOut(index)
    const [code] = (await exited) as [number | null]
    if (code !== 0) throw new Error(`replica ${index} ended with ${String(code)}`)
    await this.replicas[index]?.start()
    await this.allIn()
  }

  async kill(index: number): Promise<void> {
    const { process: victim } = this.gateway(index)
    const exited = once(victim, 'exit')
    victim.kill('SIGKILL')
    await exited
  }

  /** Which replica had the connection from that port of ours, as the log of HAProxy has it once it is over. */
  replicaOf(localPort: number): number | undefined {
    const line = new RegExp(
      `^127\\.0\\.0\\.1:${localPort} \\[.*\\] sessions portcullis/gw(\\d)`,
      'gm',
    )
    const [, number] = [...this.front.log().matchAll(line)].at(-1) ?? []
    return number === undefined ? undefined : Number(number) - 1
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#belongings.disposeAsync()
  }
}

/**
 * Where each replica listens. All have it in their catalog, which replicas share: what is a replica's own there goes by
 * its node. Beside the listener of HAProxy there is one by which a test comes to the replica that it means.
 */
function listenBeside(config: GatewayConfig, all: readonly Ports[]): void {
  const participants = all.flatMap(({ sessions }, index) => {
    const listener = { node: nodeOf(index), listen_address: '127.0.0.1' }
    return [
      { ...listener, listen_port: 0, proxy_protocol: 'off' },
      { ...listener, listen_port: sessions, proxy_protocol: 'required' },
    ]
  })
  for (const pool of Object.values(config.connectivity_pools)) pool['participants'] = participants
}

function nodeOf(index: number): string {
  return `gw${index + 1}`
}
