// The service in this very process, so that its console can be told something without a connection.
import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { freePort } from '../../demo/ports.ts'
import type { Answer, ConsoleFault } from '../../src/admin/answer.ts'
import type { CatalogHome } from '../../src/admin/catalog-home.ts'
import { execute } from '../../src/admin/execute.ts'
import type { ConsoleReply, ConsoleUser } from '../../src/admin/order.ts'
import { readConfig } from '../../src/cli/read-config.ts'
import { Service } from '../../src/service.ts'
import type { Stack } from './stack.ts'

const user: ConsoleUser = {
  name: 'root',
  right: 'admin',
  by: 'socket',
  issuer: undefined,
  subject: undefined,
  address: 'unix',
  session: '1',
  database: 'pgbouncer',
}
const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export class OwnService implements AsyncDisposable {
  readonly config: Readonly<Record<string, unknown>>
  readonly port: number
  readonly httpAddress: string
  readonly #file: string
  readonly #service: Service

  private constructor(
    config: Readonly<Record<string, unknown>>,
    ports: readonly [number, number],
    file: string,
  ) {
    this.config = config
    this.port = ports[0]
    this.httpAddress = `http://127.0.0.1:${ports[1]}`
    this.#file = file
    this.#service = new Service({ file, readConfig, version: '0', program })
  }

  /** With the configuration of the stack but for these changes, at the databases of the stack. */
  static async start(stack: Stack, name: string, changes: object): Promise<OwnService> {
    const ports = [await freePort(), await freePort()] as const
    const participants = [{ node: 'gw0', listen_address: '127.0.0.1', listen_port: ports[0] }]
    const config = {
      ...stack.config,
      http: { listen_port: ports[1] },
      audit: { sink: 'file', file: `${name}.jsonl` },
      log: { level: 'error' },
      connectivity_pools: { sso_pool: { require_sso: true, participants } },
      ...changes,
    }
    const file = join(stack.folder, `${name}.yaml`)
    await writeFile(file, stringify(config))
    const own = new OwnService(config, ports, file)
    await own.#service.start()
    return own
  }

  async write(changes: object): Promise<void> {
    await writeFile(this.#file, stringify({ ...this.config, ...changes }))
  }

  /** Gives a statement, and gives it again until it is answered. */
  async say(text: string): Promise<Exclude<ConsoleReply, { kind: 'waiting' }>> {
    let ticket: string | undefined
    for (;;) {
      const { gates, lifecycle } = this.#service
      const order = { text, index: 0, parameters: [], user, ticket }
      const reply = await execute(order, { catalog: {} as CatalogHome, gates, lifecycle })
      if (reply.kind !== 'waiting') return reply
      ;({ ticket } = reply)
    }
  }

  async done(text: string): Promise<Answer> {
    const reply = await this.say(text)
    if (reply.kind === 'fault') throw new Error(`${text}: ${JSON.stringify(reply.fault)}`)
    return reply.answer
  }

  async fault(text: string): Promise<ConsoleFault> {
    const reply = await this.say(text)
    if (reply.kind !== 'fault') throw new Error(`${text} was done`)
    return reply.fault
  }

  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.httpAddress}/metrics`)).text()
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  }

  /** The process ids of its workers. */
  workers(): readonly number[] {
    const lines = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], {
      encoding: 'utf8',
    }).split('\n')
    return lines
      .filter((line) => line.includes(program) && line.trimEnd().endsWith('worker'))
      .map((line) => Number.parseInt(line, 10))
  }

  get stopped(): Promise<unknown> {
    return this.#service.stopped
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service.stop()
  }
}
