// `portcullis agent`: whoever connects here is at the gateway, as whoever runs it.
import { createServer, type Server, type Socket } from 'node:net'
import { userInfo } from 'node:os'
import { createSecureContext } from 'node:tls'
import type { Environment } from '../credentials/environment.ts'
import type { NamedProfile } from '../credentials/open-credentials.ts'
import { endpointsOf, toConnection } from '../credentials/libpq.ts'
import { findNetwork } from '../credentials/network.ts'
import { CredentialProblem } from '../credentials/problem.ts'
import type { TokenKeeper } from '../credentials/token-keeper.ts'
import { UpstreamNetwork } from '../upstream/network.ts'
import { runConnection, type Services } from './connection.ts'
import { gatewayTarget } from './gateway-target.ts'
import { type Listening, openPlace } from './open-place.ts'
import { knowsPeers, userOf } from './peer-user.ts'
import { choosePlaces, type PlaceOptions } from './places.ts'
import { Sessions } from './sessions.ts'
import type { StartupDefaults } from './startup-message.ts'
import { TokenSupply } from './token-supply.ts'

export interface AgentOptions extends PlaceOptions {
  /** Whether any user of the machine may connect by the loopback interface. */
  readonly anyUser: boolean
  /** Used whatever a client says. */
  readonly user?: string | undefined
  readonly database?: string | undefined
  /** Whether user and database go on as the client names them, the default of its library included. */
  readonly keepsNames: boolean
  readonly connectTimeoutMs: number
  readonly drainMs: number
  readonly maxSessions: number
  /** One line for whoever runs it. */
  readonly say: (line: string) => void
}

const startupTimeoutMs = 10_000
const keepAliveIdleMs = 60_000

export class Agent {
  readonly #options: AgentOptions
  readonly #sessions = new Sessions()
  readonly #servers: Server[] = []
  #stopping: Promise<void> | undefined

  private constructor(options: AgentOptions) {
    this.#options = options
  }

  /** Listens, or throws a CredentialProblem. */
  static async start(
    named: NamedProfile,
    open: (onWarning: (problem: CredentialProblem) => void) => TokenKeeper,
    environment: Environment,
    options: AgentOptions,
  ): Promise<{ readonly agent: Agent; readonly listening: readonly Listening[] }> {
    const agent = new Agent(options)
    const endpoints = endpointsOf(named)
    const own = { processId: process.pid, userId: process.getuid?.() }
    const places = choosePlaces(options, environment, own)
    const keeper = open((problem) => {
      supply.warn(problem)
    })
    const supply = new TokenSupply(keeper, options.say)
    const { customCa } = await findNetwork(named.profile.caFile, environment)()
    const ownName = systemUser()
    const services: Services = {
      target: gatewayTarget({
        endpoints,
        secureContext: createSecureContext({ ca: customCa }),
        connectTimeoutMs: options.connectTimeoutMs,
      }),
      network: new UpstreamNetwork(),
      sessions: agent.#sessions,
      traffic: { fromFrontend: 0, fromUpstream: 0 },
      defaults: ({ user }) => ({
        ...(options.keepsNames ? {} : defaultsOf(named, user)),
        systemUser: ownName,
        forcedUser: options.user,
        forcedDatabase: options.database,
      }),
      grant: async () => supply.grant(),
      startupTimeoutMs,
      maxSessions: options.maxSessions,
      onBug: (error) => {
        options.say(
          `internal error: ${error instanceof Error ? (error.stack ?? error.message) : ''}`,
        )
      },
    }
    const listening: Listening[] = []
    try {
      for (const place of places) {
        for (const [server, where] of await openPlace(place, () => agent.#createServer(services))) {
          agent.#servers.push(server)
          // A failed accept, for want of file descriptors, is over when sessions end.
          server.on('error', () => {})
          listening.push(where)
        }
      }
      if (listening.some(({ kind }) => kind === 'loopback')) await agent.#checkPeersAreKnown()
    } catch (error) {
      agent.#close()
      throw error
    }
    // From now on there is one before anybody asks.
    keeper.keepFresh()
    return { agent, listening }
  }

  /** Takes nobody any more; the second call ends at once what the first left time. */
  async stop(): Promise<void> {
    if (this.#stopping === undefined) {
      this.#close()
      this.#stopping = this.#sessions.drain(this.#options.drainMs)
    } else this.#sessions.endNow()
    return this.#stopping
  }

  get sessions(): number {
    return this.#sessions.size
  }

  #createServer(services: Services): Server {
    const server = createServer({
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveIdleMs,
    })
    server.on('connection', (socket) => {
      void runConnection(socket, async () => this.#isAllowed(socket), services)
    })
    return server
  }

  /** Whoever may open the file of a Unix socket may connect; by the loopback interface it is whoever runs us. */
  async #isAllowed(socket: Socket): Promise<boolean> {
    const { remoteAddress, remotePort, localAddress, localPort } = socket
    if (this.#options.anyUser || remoteAddress === undefined) return true
    const peer = { address: remoteAddress, port: remotePort ?? 0 }
    const own = { address: localAddress ?? '', port: localPort ?? 0 }
    const user = await userOf(peer, own)
    return user !== undefined && user === process.getuid?.()
  }

  async #checkPeersAreKnown(): Promise<void> {
    if (this.#options.anyUser || (await knowsPeers())) return
    throw new CredentialProblem(
      'usage',
      'this system does not say which user connects to a port, so that all of them could use your tokens',
      { hint: 'Listen on a Unix socket, or say that you mean it: --any-user.' },
    )
  }

  #close(): void {
    for (const server of this.#servers) server.close()
  }
}

/** Those of the profile, as for every other client of it. */
function defaultsOf(
  named: NamedProfile,
  granted: string | undefined,
): Pick<StartupDefaults, 'user' | 'database'> {
  const { user, database } = toConnection(named, { user: granted }, { rootCertificate: '' })
  return { user, database }
}

/** None in a container that runs under a number. */
function systemUser(): string | undefined {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}
