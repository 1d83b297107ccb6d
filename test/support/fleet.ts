// Replicas of one configuration with one store.
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Gateway } from '../../demo/gateway.ts'
import { type GatewayConfig, type Session, Stack, type StackOptions } from './stack.ts'
import { StoreDatabase, testSecret } from './store.ts'
import { until } from './until.ts'

export interface FleetOptions extends StackOptions {
  readonly replicas?: number
  /** Changes the configuration of one replica, behind `configure`, which is for all. */
  readonly configureReplica?: (config: GatewayConfig, index: number) => void
}

export interface FleetReplica {
  readonly name: string
  readonly folder: string
  readonly config: GatewayConfig
  gateway: Gateway
}

export class Fleet {
  readonly stack: Stack
  /** A PostgreSQL of its own: what is behind the replicas goes on where it is stopped. */
  readonly database: StoreDatabase
  readonly replicas: readonly FleetReplica[]

  private constructor(stack: Stack, database: StoreDatabase, replicas: readonly FleetReplica[]) {
    this.stack = stack
    this.database = database
    this.replicas = replicas
  }

  /** All of them are up and know each other. */
  static async start({
    replicas: count = 2,
    configure = () => {},
    configureReplica = () => {},
    ...options
  }: FleetOptions = {}): Promise<Fleet> {
    const database = await StoreDatabase.start()
    const each = (config: GatewayConfig, index: number): void => {
      config['fleet'] = {
        ...{ store: database.url, secret: testSecret, heartbeat: '1s', replica: nameOf(index) },
      }
      configureReplica(config, index)
    }
    const stack = await Stack.start({
      ...options,
      configure: (config) => {
        configure(config)
        each(config, 0)
      },
    })
    const { folder, config, gateway } = stack
    const others = Array.from({ length: count - 1 }, async (_, other) => {
      const own = structuredClone(config)
      each(own, other + 1)
      const place = await mkdtemp(join(tmpdir(), 'portcullis-test-replica-'))
      for (const file of ['ca.crt', 'server.crt', 'server.key']) {
        await copyFile(join(folder, file), join(place, file))
      }
      await options.prepare?.(place, stack.authority)
      const started = await Gateway.start({ folder: place, config: own })
      return { name: nameOf(other + 1), folder: place, config: own, gateway: started }
    })
    const first = { name: nameOf(0), folder, config, gateway }
    const fleet = new Fleet(stack, database, [first, ...(await Promise.all(others))])
    await fleet.acquainted()
    return fleet
  }

  replica(index: number): FleetReplica {
    const replica = this.replicas[index]
    if (replica === undefined) throw new Error(`there is no replica ${index}`)
    return replica
  }

  /** Logs in at one of the replicas, as `Stack.logIn` does at the first. */
  async logIn(index: number, user?: string, token?: string): Promise<Session> {
    return this.stack.logIn(user, token, this.replica(index).gateway)
  }

  async metric(
    index: number,
    name: string,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<number> {
    return this.stack.metric(name, labels, this.replica(index).gateway)
  }

  /** Waits until every replica that runs knows how many there are. */
  async acquainted(count = this.replicas.length): Promise<void> {
    const running = this.replicas.filter(({ gateway }) => gateway.process.exitCode === null)
    await until('the replicas know each other', async () => {
      const known = await Promise.all(
        running.map(async ({ gateway }) =>
          this.stack.metric('portcullis_fleet_replicas', {}, gateway).catch(() => 0),
        ),
      )
      return known.every((one) => one === count)
    })
  }

  /** Starts one of them again that was stopped, or is stopped now. */
  async restart(index: number): Promise<void> {
    const replica = this.replica(index)
    await replica.gateway.stop()
    const { folder, config } = replica
    replica.gateway = await Gateway.start({ folder, config })
    if (index === 0) this.stack.gateway = replica.gateway
  }

  async stopStore(): Promise<void> {
    await this.database.postgres.stop('immediate')
  }

  async startStore(): Promise<void> {
    await this.database.postgres.startAgain()
  }

  async restartStore(): Promise<void> {
    await this.stopStore()
    await this.startStore()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.replicas.map(async ({ gateway }) => gateway.stop()))
    const places = this.replicas.slice(1).map(({ folder }) => folder)
    for (const place of places) await rm(place, { recursive: true, force: true })
    await Promise.all([this.stack[Symbol.asyncDispose](), this.database[Symbol.asyncDispose]()])
  }
}

function nameOf(index: number): string {
  return `replica-${index}`
}
