import type { Frontend } from './frontend.ts'
import { Gate, type GateOptions } from './gate.ts'
import { type Script, trust as letIn, Upstream, type UpstreamConnection } from './upstream.ts'

/** A session that is spliced, with both its ends in the hands of the test. */
export class Session implements AsyncDisposable {
  readonly gate: Gate
  readonly frontend: Frontend
  readonly server: UpstreamConnection
  readonly #upstream: Upstream

  private constructor(gate: Gate, frontend: Frontend, upstream: Upstream) {
    this.gate = gate
    this.frontend = frontend
    this.#upstream = upstream
    this.server = upstream.connections[0]!
  }

  /** Cancel requests that came to the server, each by a connection of its own. */
  get cancels(): number {
    return this.#upstream.connections.length - 1
  }

  static async start(options: GateOptions, hello: Script = letIn): Promise<Session> {
    const upstream = await Upstream.start(async (connection) => {
      if (upstream.connections.length === 1) return hello(connection)
      // Another one brings a cancel request, and is closed when the server has taken it.
      await connection.takePacket()
      connection.close()
    })
    const gate = await Gate.start({
      allowsCleartext: true,
      upstream: { port: upstream.port },
      ...options,
    })
    const frontend = await gate.connect()
    await gate.logIn(frontend)
    let type = ''
    while (type !== 'Z') type = (await frontend.takeMessage()).type
    return new Session(gate, frontend, upstream)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.frontend[Symbol.asyncDispose]()
    await this.#upstream[Symbol.asyncDispose]()
    await this.gate[Symbol.asyncDispose]()
  }
}

/** Why the one session of the gate ended. */
export async function endOf({ gate }: Session): Promise<string> {
  const outcome = (await gate.settled()).at(-1)
  return outcome?.kind === 'ended' ? outcome.end.reason : 'no end'
}
