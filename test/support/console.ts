import pg from 'pg'
import { groupsClaim } from '../../demo/provider-configuration.ts'
import type { Gateway } from '../../demo/gateway.ts'
import type { Stack } from './stack.ts'

/** For `console` of the configuration. */
export const consoleGroups = { admin_groups: ['readwrite'] }

/** The console of a gateway, under the name that PgBouncer's has, by a token of somebody who may do everything. */
export class Console {
  readonly #client: pg.Client

  private constructor(client: pg.Client) {
    this.#client = client
  }

  static async connect(stack: Stack, gateway: Gateway = stack.gateway): Promise<Console> {
    const client = new pg.Client({
      ...{ host: 'localhost', port: gateway.port, database: 'pgbouncer', user: 'alice' },
      password: await stack.token({ [groupsClaim]: ['readwrite-role'] }),
      ssl: { ca: stack.authority.certificate },
    })
    client.on('error', () => {})
    await client.connect()
    return new Console(client)
  }

  /** Gives the tag of the answer. */
  async done(text: string): Promise<string> {
    return (await this.#client.query(text)).command
  }

  async rows(text: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return (await this.#client.query<Record<string, unknown>>(text)).rows
  }

  async fault(text: string): Promise<pg.DatabaseError> {
    try {
      await this.#client.query(text)
    } catch (error) {
      if (error instanceof pg.DatabaseError) return error
      throw error
    }
    throw new Error(`${text} was done`)
  }

  /** Whatever comes of it. */
  async say(text: string): Promise<void> {
    await this.#client.query(text).catch(() => {})
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => {})
  }
}
