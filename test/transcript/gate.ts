import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createAuthority } from '../../demo/certificates.ts'
import type { Order } from '../../src/admin/console/give-orders.ts'
import { Sitting } from '../../src/admin/console/sitting.ts'
import { KeyCache } from '../../src/identity/key-cache.ts'
import type { AuthMethod, Catalog, SessionLimits } from '../../src/policy/catalog.ts'
import { parseIdentityMap } from '../../src/policy/identity-map.ts'
import { parseNetwork } from '../../src/policy/network.ts'
import { Pools } from '../../src/policy/pools.ts'
import type { Refusal } from '../../src/refusal.ts'
import { PendingSignIns } from '../../src/session/pending-sign-ins.ts'
import { ScramKeyCache } from '../../src/sasl/scram-key-cache.ts'
import { LocalLedger } from '../../src/session/ledger.ts'
import { Gates } from '../../src/session/gates.ts'
import { LoginRate } from '../../src/session/login-rate.ts'
import type { SessionEnd, SessionFacts, SessionObserver } from '../../src/session/observer.ts'
import { Rechecks } from '../../src/session/rechecks.ts'
import { Revocations } from '../../src/session/revocations.ts'
import { SessionRegistry } from '../../src/session/registry.ts'
import type {
  ListenerAddress,
  ProxyProtocol,
  Rules,
  SessionServices,
} from '../../src/session/services.ts'
import { runSession } from '../../src/session/session.ts'
import { allowedTypes } from '../../src/identity/token-rules.ts'
import { VerifiedTokens } from '../../src/identity/verified-tokens.ts'
import { UpstreamNetwork } from '../../src/upstream/network.ts'
import { WarmSessions } from '../../src/upstream/warm-sessions.ts'
import type { UpstreamTarget } from '../../src/upstream/target.ts'
import { message, startup } from '../unit/wire/bytes.ts'
import { Frontend } from './frontend.ts'
import { OwnTimers } from './own-timers.ts'
import { until } from './until.ts'

const issuer = 'https://auth.example.com'
/** Shorter than the wait for a refused client to close, which must not outlive the client. */
const timersDeadlineMs = 1_500

export const database = 'app'
export const role = 'app_readonly'

/** Certificates and signing keys: made once for a file, they cost more than a dialogue. */
export interface Trust {
  readonly ca: string
  readonly server: SecureContext
  /** Trusts `ca`, as an upstream's target does. */
  readonly client: SecureContext
  readonly keys: KeyCache
  token(claims?: Readonly<Record<string, unknown>>): Promise<string>
}

export async function createTrust(): Promise<Trust> {
  const authority = await createAuthority('transcript')
  const { certificate, key } = await authority.issue({ commonName: 'localhost' })
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const findKey = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] })
  return {
    ca: authority.certificate,
    server: createSecureContext({ cert: certificate, key }),
    client: createSecureContext({ ca: authority.certificate }),
    keys: new KeyCache({
      issuer,
      fetch: async () => Promise.resolve({ issuer, findKey }),
      observer: { keysRefreshed: () => {}, unknownKey: () => {} },
    }),
    token: async (claims = {}) =>
      new SignJWT({ sub: 'alice', aud: 'database', azp: 'database', ...claims })
        .setProtectedHeader({ alg: 'ES256' })
        .setIssuer(issuer)
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey),
  }
}

export interface GateOptions {
  readonly trust: Trust
  readonly allowsCleartext?: boolean
  readonly requireSso?: boolean
  readonly authMethods?: readonly AuthMethod[]
  readonly passwordUsers?: readonly string[]
  readonly timeouts?: Partial<Rules['timeouts']>
  readonly limits?: Partial<Rules['limits']>
  readonly sessionLimits?: Partial<SessionLimits>
  /** Of the console; everybody is in the group `readonly`. */
  readonly adminGroups?: readonly string[]
  readonly trustedProxies?: readonly string[]
  readonly proxyProtocol?: ProxyProtocol
  /** Its one host is 127.0.0.1 with this port. */
  readonly upstream?: Partial<UpstreamTarget> & { readonly port?: number }
  readonly now?: () => Date
  /** Takes the statements of the console. */
  readonly order?: Order
}

/** An event that a session ends its login with, or its life. */
export type Outcome =
  | { readonly kind: 'admitted' | 'abandoned' | 'discovered'; readonly facts: SessionFacts }
  | { readonly kind: 'refused'; readonly facts: SessionFacts; readonly refusal: Refusal }
  | { readonly kind: 'cancelled'; readonly facts: SessionFacts; readonly outcome: string }
  | { readonly kind: 'ended'; readonly facts: SessionFacts; readonly end: SessionEnd }

class Witness implements SessionObserver {
  readonly opens: SessionFacts[] = []
  readonly outcomes: Outcome[] = []

  opened(facts: SessionFacts): void {
    this.opens.push(facts)
  }
  stage(): void {}
  admitted(facts: SessionFacts): void {
    this.outcomes.push({ kind: 'admitted', facts })
  }
  refused(facts: SessionFacts, refusal: Refusal): void {
    this.outcomes.push({ kind: 'refused', facts, refusal })
  }
  abandoned(facts: SessionFacts): void {
    this.outcomes.push({ kind: 'abandoned', facts })
  }
  discovered(facts: SessionFacts): void {
    this.outcomes.push({ kind: 'discovered', facts })
  }
  cancelled(facts: SessionFacts, outcome: string): void {
    this.outcomes.push({ kind: 'cancelled', facts, outcome })
  }
  ended(facts: SessionFacts, end: SessionEnd): void {
    this.outcomes.push({ kind: 'ended', facts, end })
  }
}

/** Sessions as the service runs them, behind a listener of its own. */
export class Gate implements AsyncDisposable {
  readonly trust: Trust
  readonly registry = new SessionRegistry()
  readonly ledger = new LocalLedger()
  readonly revocations = new Revocations({
    live: () => this.registry.live(),
    now: () => new Date(),
    onEnd: () => {},
  })
  readonly gates = new Gates()
  readonly warm = new WarmSessions({ keys: new ScramKeyCache(10), network: new UpstreamNetwork() })
  /** For sessions that begin from now on. */
  rules: Rules
  readonly witness = new Witness()
  /** What the console did not expect. */
  readonly bugs: unknown[] = []
  readonly #server: Server
  readonly #sockets: Socket[] = []
  readonly #timers = new OwnTimers()
  #running = 0

  private constructor(server: Server, trust: Trust, rules: Rules) {
    this.#server = server
    this.trust = trust
    this.rules = rules
  }

  static async start(options: GateOptions): Promise<Gate> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    const gate = new Gate(server, options.trust, rulesOf(options))
    gate.warm.adopt(gate.rules.upstreams.values())
    const services: SessionServices = {
      rules: () => gate.rules,
      observer: gate.witness,
      registry: gate.registry,
      loginRate: new LoginRate(1),
      ledger: gate.ledger,
      credentialKey: Buffer.alloc(32),
      revocations: gate.revocations,
      gates: gate.gates,
      rechecks: new Rechecks({
        rules: () => gate.rules,
        revoke: (session, why) => {
          gate.revocations.revoke(session, why)
        },
        now: () => new Date(),
      }),
      upstream: gate.warm,
      pendingSignIns: new PendingSignIns(),
      openConsole: (visit) =>
        new Sitting(
          {
            order: options.order ?? (async () => Promise.reject(new Error('nobody takes orders'))),
            version: '0.0.0',
            now: options.now ?? (() => new Date()),
            onBug: (error) => gate.bugs.push(error),
          },
          visit,
        ),
      refreshSecrets: async () => Promise.resolve(),
      cancel: async ({ processId, secretKey }) => {
        const live = gate.registry.find(processId, secretKey)
        if (live === undefined) return 'unknown-key'
        await live.cancel()
        return 'forwarded'
      },
      recordAdmission: undefined,
      now: options.now ?? (() => new Date()),
    }
    const listener: ListenerAddress = {
      address: '127.0.0.1',
      port: 0,
      key: 'here',
      isUnixSocket: false,
      allowsCleartext: options.allowsCleartext ?? false,
      proxyProtocol: options.proxyProtocol ?? 'trusted',
    }
    const traffic = { fromFrontend: 0, fromUpstream: 0 }
    server.on('connection', (socket) => {
      gate.#sockets.push(socket)
      gate.#running++
      void runSession(socket, listener, services, traffic).then(() => gate.#running--)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return gate
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Any address of 127.0.0.0/8 will do on Linux. */
  async connect(from?: string): Promise<Frontend> {
    return Frontend.connect(this.port, false, from)
  }

  /** Goes to the request for the password, and answers it with a fresh token. */
  async logIn(frontend: Frontend, parameters: readonly string[] = []): Promise<void> {
    frontend.send(startup(['user', role, 'database', database, ...parameters]))
    await frontend.takeMessage()
    frontend.send(message('p', `${await this.trust.token()}\0`))
  }

  /** What the one session came to, once it has come to something. */
  async outcome(): Promise<Outcome> {
    await until('an outcome', () => this.witness.outcomes.length > 0)
    return this.witness.outcomes[0]!
  }

  /** Waits until no socket and no timer of a session is left, and gives all that was observed. */
  async settled(): Promise<readonly Outcome[]> {
    await until('the sessions to end', () => this.#running === 0)
    await until('the sockets to close', () => this.#sockets.every((socket) => socket.closed))
    await until('every end to be told', () => this.#count('admitted') === this.#count('ended'))
    await until('the timers to end', () => this.#timers.count === 0, timersDeadlineMs)
    await until('the places to be free', () => this.registry.places.taken === 0)
    if (this.ledger.open > 0) throw new Error('a session or a try is still counted')
    if (this.registry.places.addresses > 0) throw new Error('an address is still counted')
    return this.witness.outcomes
  }

  #count(kind: Outcome['kind']): number {
    return this.witness.outcomes.filter((outcome) => outcome.kind === kind).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timers[Symbol.dispose]()
    this.warm.close()
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await until('the gate to close', () => this.#sockets.every((socket) => socket.closed))
  }
}

function rulesOf(options: GateOptions): Rules {
  return {
    catalogVersion: 1,
    sessionTokens: undefined,
    catalog: catalogOf(
      options.requireSso ?? true,
      options.authMethods ?? ['cleartext', 'oauthbearer'],
      options.passwordUsers ?? [],
      options.sessionLimits ?? {},
      options.adminGroups ?? [],
    ),
    tokens: new Map([
      [
        'sso',
        new VerifiedTokens(
          {
            integration: 'sso',
            keys: options.trust.keys,
            clientId: 'database',
            additionalAudiences: [],
            strictAudiences: false,
            algorithms: ['ES256'],
            allowedTypes: allowedTypes(['JWT', 'none']),
            kinds: new Set(['id_token', 'at+jwt', 'access_token'] as const),
            leewayMs: 0,
            maxTokenAgeMs: undefined,
            requiredClaims: [],
            requiredAcr: [],
            requireSenderConstraint: false,
            principalClaim: 'sub',
            groupsClaimIds: [],
            userinfo: undefined,
            introspection: undefined,
            decryptionKeys: undefined,
            userinfoGroupsIds: [],
            dialect: 'portcullis',
          },
          65_536,
        ),
      ],
    ]),
    exchanges: new Map(),
    provisioners: new Map(),
    signIns: new Map(),
    signInPages: undefined,
    sessionSettings: new Map(),
    consoleSecrets: new Map([['root', { kind: 'password', password: 'pencil' }]]),
    upstreams: new Map([[database, targetOf(options)]]),
    rechecks: new Map(),
    isEnforced: false,
    certificates: { usual: options.trust.server, named: new Map() },
    clientCertificates: 'none',
    trustedProxies: (options.trustedProxies ?? []).map(parseNetwork),
    limits: {
      maxPasswordBytes: 65_530,
      maxSessions: 10,
      maxSessionsPerPrincipal: undefined,
      maxSessionsPerRole: undefined,
      maxSessionsOfPool: new Map(),
      maxSessionsOfDatabase: new Map(),
      loginsPerSecondPerAddress: undefined,
      loginBurstPerAddress: 200,
      throttled: new Set(['password', 'opaque-token'] as const),
      maxSignIns: 10,
      maxRelays: 10,
      maxConsoleSessions: 2,
      maxPausedLogins: 10,
      maxUnauthenticated: 10,
      maxUnauthenticatedPerAddress: undefined,
      ...options.limits,
    },
    timeouts: {
      startupMs: 60_000,
      tlsHandshakeMs: 60_000,
      signInMs: 60_000,
      pauseMs: 60_000,
      authenticationMs: 60_000,
      keepAliveIdleMs: 60_000,
      ...options.timeouts,
    },
  }
}

function targetOf({ trust, upstream }: GateOptions): UpstreamTarget {
  const { port = 1, ...target } = upstream ?? {}
  return {
    hosts: [{ host: '127.0.0.1', port }],
    isBalanced: false,
    wantedSession: 'any',
    connectRetries: 0,
    database: 'real_name',
    tls: 'disable',
    secureContext: trust.client,
    serverName: 'localhost',
    channelBinding: 'prefer',
    protocol: '3.0',
    connectTimeoutMs: 60_000,
    warm: undefined,
    credentials: { method: 'trust' },
    ...target,
  }
}

function catalogOf(
  requireSso: boolean,
  authMethods: readonly AuthMethod[],
  passwordUsers: readonly string[],
  sessionLimits: Partial<SessionLimits>,
  adminGroups: readonly string[],
): Catalog {
  return {
    pools: new Pools([
      {
        name: 'sso_pool',
        networks: [parseNetwork('127.0.0.0/8'), parseNetwork('2001:db8::/32')],
        priority: 0,
        requireSso,
        authMethods,
        ssoIntegration: undefined,
        ssoFlows: ['deviceGrant'],
        allowsReplication: false,
        serverNames: new Set(),
        requiresClientCertificate: false,
        sessionLimits: {
          expiry: 'ignore',
          graceMs: 30_000,
          maxLifetimeMs: undefined,
          idleMs: undefined,
          idleInTransactionMs: undefined,
          ...sessionLimits,
        },
        passwordUsers: new Set(passwordUsers),
        listeners: new Set(['here']),
        unixSockets: new Set(),
        allowedDatabases: undefined,
        allowedGroups: undefined,
        allowedIntegrations: undefined,
        loginHours: [],
      },
    ]),
    databases: new Map([
      [
        database,
        {
          name: database,
          integrations: ['sso'],
          primary: 'sso',
          selection: 'token',
          hasUpstream: true,
        },
      ],
      [
        'system',
        {
          name: 'system',
          integrations: ['sso'],
          primary: 'sso',
          selection: 'token',
          hasUpstream: false,
        },
      ],
    ]),
    integrations: new Map([
      [
        'sso',
        {
          name: 'sso',
          isEnabled: true,
          issuer,
          clientId: 'database',
          defaultGroup: 'readonly',
          groupMappings: new Map(),
          blockedGroups: new Set(),
          principalPattern: undefined,
          mapsPrincipal: false,
          allowsIdTokenUser: true,
          dialect: 'portcullis',
          requiresGroups: false,
          scopes: ['openid', 'email'],
        },
      ],
    ]),
    groups: new Map([['readonly', { name: 'readonly', role, rank: 0, allowsSuperuser: false }]]),
    identityMap: parseIdentityMap('').map,
    console: {
      adminGroups: new Set(adminGroups),
      statsGroups: new Set(),
      users: new Map([['root', 'admin']]),
      unixSocket: undefined,
    },
  }
}
