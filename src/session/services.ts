import type { SignInProvider } from '../identity/sign-in-provider.ts'
import type { ServerContexts } from './server-certificate.ts'
import type { TokenExchange } from '../identity/token-exchange.ts'
import type { VerifiedSessionTokens } from '../identity/verify-session-token.ts'
import type { VerifiedTokens } from '../identity/verified-tokens.ts'
import type { Catalog } from '../policy/catalog.ts'
import type { Network } from '../policy/network.ts'
import type { Provisioner } from '../upstream/provisioner.ts'
import type { UpstreamTarget } from '../upstream/target.ts'
import type { ScramSecret } from '../sasl/scram-server.ts'
import type { WarmSessions } from '../upstream/warm-sessions.ts'
import type { CancelRequest } from '../wire/startup.ts'
import type { ClientCertificates } from './client-certificate.ts'
import type { OpenConsole } from './console-door.ts'
import type { Gates } from './gates.ts'
import type { Ledger } from './ledger.ts'
import type { LoginRate, LoginRateLimits } from './login-rate.ts'
import type { SessionFacts, SessionObserver } from './observer.ts'
import type { PendingSignIns } from './pending-sign-ins.ts'
import type { SessionSettings } from './session-settings.ts'
import type { RecheckRule, Rechecks } from './rechecks.ts'
import type { SessionRegistry } from './registry.ts'
import type { SessionCountLimits } from './session-counts.ts'
import type { ThrottleSwitches } from './throttle.ts'
import type { Revocations } from './revocations.ts'

/** One configuration, whole: a session keeps the one that it began with. */
export interface Rules {
  /** Of the catalog that all this is made of. */
  readonly catalogVersion: number
  readonly catalog: Catalog
  /** By integration. */
  readonly tokens: ReadonlyMap<string, VerifiedTokens>
  /** What verifies session tokens; undefined where there are none. */
  readonly sessionTokens: Pick<VerifiedSessionTokens, 'verify'> | undefined
  /** By database, for those whose upstream gets another token than the client's. */
  readonly exchanges: ReadonlyMap<string, TokenExchange>
  /** By integration; those without a client of their own are not among them. */
  readonly signIns: ReadonlyMap<string, SignInProvider>
  /** Where our own pages are, as browsers reach them; undefined where there are none. */
  readonly signInPages: SignInPages | undefined
  /** By database, for those whose sessions are told who they belong to. */
  readonly sessionSettings: ReadonlyMap<string, SessionSettings>
  readonly upstreams: ReadonlyMap<string, UpstreamTarget>
  /** Of the users of the console that have one, by name. */
  readonly consoleSecrets: ReadonlyMap<string, ScramSecret>
  /** By database, for those where roles are made. */
  readonly provisioners: ReadonlyMap<string, Provisioner>
  readonly certificates: ServerContexts
  /** By integration: those whose sessions are looked at again while they are open. */
  readonly rechecks: ReadonlyMap<string, RecheckRule>
  /** Whether sessions that would not be let in by these rules are ended. */
  readonly isEnforced: boolean
  readonly clientCertificates: ClientCertificates
  /** Peers that put a PROXY header in front of what they send. */
  readonly trustedProxies: readonly Network[]
  readonly limits: SessionCountLimits &
    LoginRateLimits &
    ThrottleSwitches & {
      readonly maxPasswordBytes: number
      readonly maxConsoleSessions: number
      readonly maxUnauthenticated: number
      readonly maxUnauthenticatedPerAddress: number | undefined
      readonly maxSignIns: number
      readonly maxRelays: number
      readonly maxPausedLogins: number
    }
  readonly timeouts: {
    readonly startupMs: number
    readonly tlsHandshakeMs: number
    readonly authenticationMs: number
    readonly signInMs: number
    readonly pauseMs: number
    readonly keepAliveIdleMs: number
  }
}

/** The paths are those that the pages are served under. */
export interface SignInPages {
  /** Of the pages of this node, at which its clients wait. */
  readonly origin: string
  /** Undefined where whoever opens it may be at another node. */
  readonly devicePage: string | undefined
}

export type CancelOutcome = 'forwarded' | 'unknown-key' | 'failed'

/** What a session needs of the process that it runs in. */
export interface SessionServices {
  readonly rules: () => Rules
  readonly observer: SessionObserver
  readonly registry: SessionRegistry
  readonly loginRate: LoginRate
  /** Of all processes of the service. */
  readonly ledger: Ledger
  /** By which credentials are told apart that may not be kept. The same in all processes. */
  readonly credentialKey: Buffer
  readonly revocations: Revocations
  readonly gates: Gates
  readonly rechecks: Rechecks
  readonly upstream: WarmSessions
  readonly pendingSignIns: PendingSignIns
  readonly openConsole: OpenConsole
  /** Finds the session with this key, here or on another worker, and cancels its statement. */
  readonly cancel: (request: CancelRequest) => Promise<CancelOutcome>
  /**
   * Where no session may be without its audit record: resolves when that of its admission is kept, and
   * throws a Refusal where it cannot be.
   */
  readonly recordAdmission: ((facts: SessionFacts) => Promise<void>) | undefined
  /** Has the files of secrets looked at; behind it `rules()` has the passwords that are in them. */
  readonly refreshSecrets: () => Promise<void>
  readonly now: () => Date
}

/**
 * Whether a PROXY header is read on a listener: from trusted proxies, who must send one; from them alone,
 * and from nobody else anything; or from nobody.
 */
export type ProxyProtocol = 'trusted' | 'required' | 'off'

/** A socket of this node that accepts connections. */
export interface ListenerAddress {
  /** An IP address, or the path of a Unix socket. */
  readonly address: string
  readonly port: number
  readonly isUnixSocket: boolean
  /** How pools name it; its port is the configured one, which may be 0. */
  readonly key: string
  /** Credentials may be asked for without TLS; only ever on loopback and on Unix sockets. */
  readonly allowsCleartext: boolean
  readonly proxyProtocol: ProxyProtocol
}
