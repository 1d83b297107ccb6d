import type { CatalogHome } from '../admin/catalog-home.ts'
import type { ConsoleFleet } from '../admin/console-fleet.ts'
import type { ConsoleOrder, ConsoleReply } from '../admin/order.ts'
import type { KeptIdentity } from '../identity/kept-identity.ts'
import type { SessionTokens } from '../identity/session-token.ts'
import type { SignInCall, SignInReply } from '../session/pending-sign-ins.ts'
import type { EndCount, EndOrder } from '../session/revocations.ts'
import type { HistoryView, Range } from './history.ts'
import type { Throttled } from '../session/try-credential.ts'
import type { VisitEvent } from './people/visit-event.ts'
import type { Sealer } from './sealer.ts'
import type { WebRules } from './web-rules.ts'

/** What the pages and the API are made with. */
export interface WebServices {
  /** The https origin that browsers see. */
  readonly publicUrl: string
  /** The same for this node alone: what waits here has been given out under it. */
  readonly nodeUrl: string
  /** Whether browsers come by a reverse proxy, which says for whom. */
  readonly isBehindProxy: boolean
  /** Those of now: to be asked for anew with each request, and once in it. */
  readonly rules: () => WebRules
  /** That of now, as `rules`. */
  readonly sealer: Sealer
  /** Those of now, as `rules`; undefined where there are none. */
  readonly tokens: SessionTokens | undefined
  /** Asks the process in which a client waits for somebody to sign in. */
  readonly signIn: (call: SignInCall) => Promise<SignInReply>
  /** How this replica is called; undefined where it is alone. */
  readonly replica?: string | undefined
  /** Whether somebody is kept out, by the deny file, a revocation or a logout. */
  readonly isKeptOut: (session: string, identity: KeptIdentity, address: string) => boolean
  /** Ends sessions of all workers, and keeps out who is not to come back. */
  readonly end: (order: EndOrder) => Promise<EndCount>
  /** By which what strangers could guess is slowed down, as at the doors for SQL. */
  readonly throttle: Throttled
  /** Aborted when the service is to stop: nobody waits any longer then. */
  readonly draining: AbortSignal
  readonly fleet: ConsoleFleet
  readonly catalog: CatalogHome
  /** Carries out a statement of the console, with its rights, its log and its audit. */
  readonly execute: (order: ConsoleOrder) => Promise<ConsoleReply>
  /** What happened on the pages, for log, audit and metrics. Rejects where nothing may happen without a record. */
  readonly tell: (event: VisitEvent) => Promise<void>
  /** What became of logins over the last hours. */
  readonly history: (range: Range) => HistoryView
  /** Aborted when we are about to end: whatever is open is to be closed. */
  readonly stopping: AbortSignal
  readonly now: () => Date
  readonly onError: (error: unknown) => void
}
