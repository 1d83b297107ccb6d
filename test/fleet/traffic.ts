// Clients of a load balancer: those that log in for one statement, and pools whose sessions run transactions.
import { groupsClaim } from '../../demo/provider-configuration.ts'
import type { Stack } from '../support/stack.ts'
import { errorFields, type ErrorFields, WireClient } from '../support/wire-client.ts'

export interface Failure {
  readonly kind: 'login' | 'transaction'
  /** Of `performance.now()`. */
  readonly at: number
  /** Of ours: which replica had it is known by that. */
  readonly localPort: number
  readonly cause: string
}

export interface Counts {
  readonly logins: number
  readonly transactions: number
  /** Sessions that were ended between two transactions, in whose place there is another. */
  readonly moved: number
}

export interface TrafficOptions {
  readonly stack: Stack
  readonly port: number
  readonly loginsPerSecond: number
  readonly sessions: number
}

/** What a pool takes as: connect again. */
const shutdown = '57P01'
const statements = [
  "insert into orders (customer, item, quantity) values ('traffic', 'cart', 1)",
  'update orders set quantity = quantity + 1 where id = 1',
]
/** A session of the pool works, and waits for so long for more to do. */
const thinkMs = 20

class Ended extends Error {
  readonly fields: ErrorFields

  constructor(fields: ErrorFields) {
    super(`${fields.sqlstate} ${fields.message}`)
    this.fields = fields
  }
}

export class Traffic {
  readonly failures: Failure[] = []
  readonly #options: TrafficOptions
  readonly #timer: NodeJS.Timeout
  readonly #running = new Set<Promise<void>>()
  /** Where sessions of the pool are, by our ports. */
  readonly #open = new Set<number>()
  /** Our port of each, which a socket that is closed does not know any more. */
  readonly #ports = new WeakMap<WireClient, number>()
  #isOver = false
  #logins = 0
  #transactions = 0
  #moved = 0

  constructor(options: TrafficOptions) {
    this.#options = options
    this.#timer = setInterval(() => {
      this.#run(this.#logInOnce())
    }, 1_000 / options.loginsPerSecond)
    for (let session = 0; session < options.sessions; session++) this.#run(this.#live())
  }

  get counts(): Counts {
    return { logins: this.#logins, transactions: this.#transactions, moved: this.#moved }
  }

  /** Ports of ours by which sessions of the pool are open. */
  get open(): ReadonlySet<number> {
    return new Set(this.#open)
  }

  /** Everything that was begun is ended first. */
  async stop(): Promise<void> {
    this.#isOver = true
    clearInterval(this.#timer)
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  #run(work: Promise<void>): void {
    const running = work.finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async #logInOnce(): Promise<void> {
    const client = await this.#connect()
    if (client === undefined) return
    try {
      await ask(client, 'select 1', 'I')
      this.#logins++
    } catch (error) {
      this.#fail('login', client, error)
    }
    client.send(Buffer.from('5800000004', 'hex'))
    client.end()
  }

  async #live(): Promise<void> {
    while (!this.#isOver) {
      const client = await this.#connect()
      if (client === undefined) continue
      const port = this.#portOf(client)
      this.#open.add(port)
      await this.#work(client)
      this.#open.delete(port)
      client.destroy()
    }
  }

  /** Until it is over, or the session is. */
  async #work(client: WireClient): Promise<void> {
    while (!this.#isOver) {
      try {
        await ask(client, 'begin', 'T')
      } catch (error) {
        // Before a transaction has begun there is nothing to lose: pools take another connection.
        if (error instanceof Ended && error.fields.sqlstate === shutdown) this.#moved++
        else this.#fail('transaction', client, error)
        return
      }
      try {
        for (const statement of statements) await ask(client, statement, 'T')
        await ask(client, 'commit', 'I')
        this.#transactions++
      } catch (error) {
        this.#fail('transaction', client, error)
        return
      }
      await new Promise((resolve) => setTimeout(resolve, thinkMs))
    }
  }

  async #connect(): Promise<WireClient | undefined> {
    const { stack, port } = this.#options
    const token = await stack.token({ [groupsClaim]: ['readwrite-role'] })
    const client = await WireClient.connect(port)
    this.#ports.set(client, client.socket.localPort ?? 0)
    try {
      await client.startTls(stack.authority.certificate)
      const first = await client.logIn({ user: 'app_readwrite', database: 'sandbox' }, token)
      if (first.type === 'E') throw new Ended(errorFields(first))
      await client.readUntil('Z')
      return client
    } catch (error) {
      this.#fail('login', client, error)
      client.destroy()
      return undefined
    }
  }

  #portOf(client: WireClient): number {
    return this.#ports.get(client) ?? 0
  }

  #fail(kind: Failure['kind'], client: WireClient, error: unknown): void {
    const cause = error instanceof Error ? error.message : String(error)
    this.failures.push({ kind, at: performance.now(), localPort: this.#portOf(client), cause })
  }
}

/** Waits for the answer to a statement, and the state that it leaves. */
async function ask(client: WireClient, sql: string, state: 'I' | 'T'): Promise<void> {
  client.query(sql)
  for (;;) {
    const received = await client.read()
    if (received.type === 'E') throw new Ended(errorFields(received))
    if (received.type !== 'Z') continue
    const now = received.body.toString('latin1')
    if (now !== state) throw new Error(`the state is ${now} behind ${sql}`)
    return
  }
}
