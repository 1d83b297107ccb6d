// A login against a configuration, without a client, a listener or a database: what explain shows.
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  clientCertificates,
  composeListeners,
  composeLoginRules,
  composeSessionSettings,
  type KeyCaches,
} from './compose-rules.ts'
import {
  type ExplainedRefusal,
  type ExplainedStep,
  type Explanation,
  type LoginRequest,
  UnusableRequest,
} from './cli/explanation.ts'
import { sessionTokensOf } from './compose-session-tokens.ts'
import type { Config } from './config/index.ts'
import { readDenyList } from './deny-list.ts'
import { isSessionToken } from './identity/session-token-shape.ts'
import { VerifiedSessionTokens } from './identity/verify-session-token.ts'
import { describeSessionToken } from './identity/describe-session-token.ts'
import { describeCheck } from './identity/describe-check.ts'
import { KeyCache } from './identity/key-cache.ts'
import type { IssuerObserver } from './identity/observer.ts'
import { introspect } from './identity/introspect.ts'
import { openToken } from './identity/open-token.ts'
import type { CheckObserver, TokenCheck } from './identity/token-check.ts'
import type { TokenIdentity } from './identity/token-identity.ts'
import type { TokenRules } from './identity/token-rules.ts'
import {
  looksLikeToken,
  readHeader,
  readUnverified,
  type UnverifiedToken,
} from './identity/token-shape.ts'
import {
  type Principal,
  previewToken,
  verifyIntrospected,
  verifyToken,
} from './identity/verify-token.ts'
import { claimedBy, type HypotheticalToken, hypotheticalToken } from './hypothetical-token.ts'
import type { Catalog, Integration, Pool } from './policy/catalog.ts'
import { resolveIntegration } from './policy/resolve-integration.ts'
import { printable, reasons, Refusal } from './refusal.ts'
import {
  admitToConsole,
  admitToConsoleBy,
  checkScope,
  chooseRight,
} from './session/admit-console.ts'
import {
  admitBy,
  admitToken,
  chooseRole,
  orEarlierDenial,
  type TokenVerifiers,
  withSessionTokens,
} from './session/admit-token.ts'
import { isConsole } from './session/console-guest.ts'
import { admitSocket, chooseConsoleMethod, refuseClearPassword } from './session/console-login.ts'
import { admitSecret, enterBySecret } from './session/console-secret.ts'
import { admitPassword, admitRelay } from './session/admit-password.ts'
import type { Attempt, TokenAdmission } from './session/attempt.ts'
import { chooseAuthMethod, enterPool, shownListener } from './session/enter-pool.ts'
import { enterSignIn } from './session/enter-sign-in.ts'
import { readCredential } from './session/read-credential.ts'
import { thumbprintOf } from './session/client-certificate.ts'
import { readIntent } from './session/client-intent.ts'
import type { Mutable } from './session/conversation.ts'
import type { Denial } from './session/denials.ts'
import type { SessionFacts } from './session/observer.ts'
import { refuseDenied } from './session/refuse-denied.ts'
import { errorFor } from './session/refuse.ts'
import { boundsOf, describeBounds } from './session/session-bounds.ts'
import { signedSetting } from './session/session-settings.ts'
import { tellSession, toldIdentity } from './session/tell-session.ts'
import type { ListenerAddress, Rules } from './session/services.ts'
import { unixPeer } from './session/unix-socket.ts'
import { explain as describeError } from './telemetry/log.ts'
import { readPasswordMessage } from './wire/password.ts'
import type { StartupMessage } from './wire/startup.ts'
import { passwordMessage } from './wire/write-frontend.ts'

/** Whoever asks reads the outcome in the steps. */
const silent: IssuerObserver = { keysRefreshed: () => {}, unknownKey: () => {} }

/** Lists of groups and of roles are longer than what fits a line of the log. */
const longestComparison = 2_000

/** What a service that runs knows besides its configuration. */
export interface ReplayKnowledge {
  /** Keys of before, so that they are not fetched for each login that is explained. */
  readonly keyCaches: KeyCaches
  readonly findDenial: (facts: SessionFacts, now: Date) => Denial | undefined
  /** What session tokens are verified by where the configuration has no secret for it. */
  readonly secretsOfThisStart?: readonly string[] | undefined
}

/** Decides a login as a session would, with TLS taken for granted. Throws UnusableRequest. */
export async function replayLogin(
  config: Config,
  request: LoginRequest,
  now = new Date(),
  knowledge = knowledgeOf(config),
): Promise<Explanation> {
  const listener = findListener(config, request.listener)
  const startup = startupOf(config, request)
  const replay = new Replay(config, request, listener, now, knowledge)
  try {
    return await replay.run(startup)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return replay.explanation('denied', null, error)
  }
}

function knowledgeOf(config: Config): ReplayKnowledge {
  const { denials } = readDenyList(config.deny_file)
  return { keyCaches: new Map(), findDenial: (facts, now) => denials.find(facts, now) }
}

class Replay {
  readonly #config: Config
  readonly #request: LoginRequest
  readonly #listener: ListenerAddress
  readonly #now: Date
  readonly #steps: ExplainedStep[] = []
  readonly #facts: Mutable<SessionFacts>
  readonly #knowledge: ReplayKnowledge
  /** Of claims that nobody has signed. */
  #hypothetical: HypotheticalToken | undefined
  #pool: Pool | undefined

  constructor(
    config: Config,
    request: LoginRequest,
    listener: ListenerAddress,
    now: Date,
    knowledge: ReplayKnowledge,
  ) {
    this.#config = config
    this.#request = request
    this.#listener = listener
    this.#now = now
    this.#knowledge = knowledge
    this.#facts = {
      id: '(its id)',
      openedAt: now,
      peer: listener.isUnixSocket ? unixPeer : { address: request.from, port: 0 },
      listener,
      // No client asks for TLS on a Unix socket.
      ...(!listener.isUnixSocket && {
        tls: { version: 'TLSv1.3', cipher: '', certificate: certificateOf(config, request) },
      }),
    }
  }

  async run(startup: StartupMessage): Promise<Explanation> {
    const { catalog, tokens } = composeLoginRules(this.#config, silent, this.#knowledge.keyCaches)
    const attempt: Attempt = {
      intent: readIntent(startup),
      facts: this.#facts,
      catalog,
      findDenial: (facts) => this.#knowledge.findDenial(facts, this.#now),
      report: (step) => {
        this.#report({ ...step, verified: true })
      },
    }
    const pool = enterPool(attempt, this.#listener)
    this.#pool = pool
    this.#assume(attempt, tokens)
    // Whoever signs in interactively is explained by the token that the provider would issue.
    const signsInBy = attempt.intent.asksForSignIn
      ? enterSignIn(attempt, pool, this.#config.web !== undefined).integration
      : undefined
    if (isConsole(attempt.intent.database, attempt.catalog)) {
      return this.#explainConsole(attempt, pool, tokens, signsInBy)
    }
    if (signsInBy === undefined && chooseAuthMethod(attempt, pool) === 'scram-sha-256') {
      return this.#explainRelay(attempt, pool)
    }
    const { kind, text: credential } = readCredential(attempt, this.#readPassword())
    if (this.#isOfUnknownKeys(credential)) return this.explanation('undecided', null)
    if (kind === 'password') {
      // Whether the password is right is known to PostgreSQL alone.
      const admission = admitPassword(attempt, pool, credential)
      this.#reportSettings(attempt, admission)
      return this.explanation('undecided', admission.role)
    }
    const verifiers = this.#verifiers(tokens, catalog)
    try {
      const admission =
        signsInBy === undefined
          ? await admitToken(attempt, credential, verifiers, this.#now)
          : await admitBy(attempt, signsInBy, credential, verifiers, this.#now)
      this.#reportProvision(admission, true)
      this.#reportSettings(attempt, admission, admission.subject.principal)
      this.#reportExchange(attempt.intent.database)
      const isDecided = this.#reportMembership(admission, true)
      return this.explanation(isDecided ? 'granted' : 'undecided', admission.role)
    } catch (error) {
      if (!(error instanceof Refusal) || !isAboutProvider(error)) throw error
      const integration = catalog.integrations.get(this.#facts.integration ?? '')
      const rules = tokens.get(this.#facts.integration ?? '')?.rules
      if (integration === undefined || rules === undefined) throw error
      // What only the provider can say, nobody else can guess at.
      if (attempt.intent.tokenUser === 'access_token' && rules.introspection !== undefined) {
        return this.explanation('undecided', null, this.#isOffline ? undefined : error)
      }
      const report: Attempt['report'] = (step) => {
        this.#report({ ...step, verified: false })
      }
      const signed = await openToken(credential, rules.decryptionKeys)
      const identity = await orEarlierDenial({ ...attempt, report }, integration, () =>
        this.#preview(signed, rules),
      )
      const chosen = chooseRole({ ...attempt, report }, identity, integration)
      refuseDenied({ ...attempt, report }, chosen.role)
      this.#reportProvision(chosen, false)
      this.#reportSettings(attempt, chosen, identity, false)
      this.#reportMembership(chosen, false)
      return this.explanation('undecided', chosen.role, this.#isOffline ? undefined : error)
    }
  }

  /** Whether nobody is to be asked. */
  get #isOffline(): boolean {
    return this.#request.isOffline || this.#hypothetical !== undefined
  }

  #verifiers(tokens: Rules['tokens'], catalog: Catalog): TokenVerifiers {
    const sessionTokens = sessionTokensOf(this.#config, this.#secrets ?? [], catalog)
    const providers = new Map(
      [...tokens].map(([name, { rules }]) => [
        name,
        {
          verify: async (token: string) => this.#verify(token, rules),
          introspected: rules.introspection && {
            verify: async (token: string) => this.#introspect(token, rules),
          },
        },
      ]),
    )
    return withSessionTokens(providers, {
      sessionTokens: sessionTokens && new VerifiedSessionTokens(sessionTokens),
    })
  }

  /** What session tokens are verified by; undefined where the service that runs has it alone. */
  get #secrets(): readonly string[] | undefined {
    const { web } = this.#config
    const { secretsOfThisStart: ofThisStart } = this.#knowledge
    return web?.secret ?? ofThisStart
  }

  /** Whether it is a session token that nobody can verify here, which is then said. */
  #isOfUnknownKeys(credential: string): boolean {
    const { web } = this.#config
    const isEnabled = web?.session_tokens.enabled === true
    if (!isEnabled || this.#secrets !== undefined || !isSessionToken(credential)) return false
    this.#facts.credential = 'session-token'
    const told = describeSessionToken(credential, this.#now)
    const compared = `${told}: without web.secret the service that runs has the keys alone`
    this.#report({ check: 'session token', compared, passed: null, verified: false })
    return true
  }

  /** The same for who wants to go to the SQL console. */
  async #explainConsole(
    attempt: Attempt,
    pool: Pool,
    tokens: Rules['tokens'],
    signsInBy: Integration | undefined,
  ): Promise<Explanation> {
    if (signsInBy !== undefined) checkScope(attempt, signsInBy)
    else {
      const bySocket = admitSocket(attempt, this.#listener)
      if (bySocket !== undefined) return this.#atConsole('granted', bySocket.guest.right)
      if (chooseConsoleMethod(attempt, pool) === 'scram-sha-256') {
        enterBySecret(attempt, pool)
        this.#facts.credential = 'password'
        return this.#atConsole('undecided', admitSecret(attempt, pool).guest.right)
      }
    }
    const { kind, text: credential } = readCredential(attempt, this.#readPassword())
    if (this.#isOfUnknownKeys(credential)) return this.explanation('undecided', null)
    if (kind === 'password') return refuseClearPassword(attempt)
    const verifiers = this.#verifiers(tokens, attempt.catalog)
    try {
      const { guest } =
        signsInBy === undefined
          ? await admitToConsole(attempt, credential, verifiers, this.#now)
          : await admitToConsoleBy(attempt, signsInBy, credential, verifiers, this.#now)
      return this.#atConsole('granted', guest.right)
    } catch (error) {
      if (!(error instanceof Refusal) || !isAboutProvider(error)) throw error
      const integration = attempt.catalog.integrations.get(this.#facts.integration ?? '')
      const rules = tokens.get(this.#facts.integration ?? '')?.rules
      if (integration === undefined || rules === undefined) throw error
      const told = this.#isOffline ? undefined : error
      if (attempt.intent.tokenUser === 'access_token' && rules.introspection !== undefined) {
        return this.explanation('undecided', null, told)
      }
      const unverified: Attempt = {
        ...attempt,
        report: (step) => {
          this.#report({ ...step, verified: false })
        },
      }
      const identity = this.#preview(await openToken(credential, rules.decryptionKeys), rules)
      const right = chooseRight(unverified, identity, integration)
      refuseDenied(unverified, undefined)
      return this.#atConsole('undecided', right, told)
    }
  }

  #atConsole(
    outcome: Explanation['outcome'],
    right: Explanation['console'],
    refusal?: Refusal,
  ): Explanation {
    this.#reportBounds()
    return { ...this.explanation(outcome, null, refusal), console: right }
  }

  explanation(
    outcome: Explanation['outcome'],
    role: string | null,
    refusal?: Refusal,
  ): Explanation {
    const { requested, pool, credential, integration, identity } = this.#facts
    if (role !== null && outcome !== 'denied') this.#reportBounds()
    return {
      outcome,
      request: {
        user: requested?.user ?? '',
        database: requested?.database ?? '',
        from: this.#facts.peer.address,
        listener: shownListener(this.#listener),
      },
      steps: this.#steps,
      pool: pool ?? null,
      credential: credential ?? null,
      integration: integration ?? null,
      principal: identity === undefined ? null : printable(identity.principal),
      groups: identity?.groups ?? [],
      role,
      console: null,
      expiresAt: identity?.expiresAt.toISOString() ?? null,
      refusal: refusal === undefined ? null : explainRefusal(refusal, this.#facts),
    }
  }

  /** Until when the session may go on, where anything bounds it. */
  #reportBounds(): void {
    const bounds = this.#pool && boundsOf(this.#pool.sessionLimits, this.#facts.identity?.expiresAt)
    if (bounds === undefined) return
    const compared = describeBounds(bounds, this.#now.getTime())
    const verified = this.#steps.at(-1)?.verified !== false
    this.#report({ check: 'session', compared, passed: true, verified })
  }

  /** Makes a token of claims that nobody has signed, for the integration that they would be compared with. */
  #assume({ intent, catalog }: Attempt, tokens: Composed['tokens']): void {
    const { claims } = this.#request
    if (claims === undefined) return
    const { database, qualifier, identityProvider, dialect } = intent
    const found = resolveIntegration(catalog, {
      ...{ database, qualifier, identityProvider, dialect },
      claimed: claimedBy(claims),
    })
    const rules =
      found.outcome === 'resolved' ? tokens.get(found.integration.name)?.rules : undefined
    // Whatever is wrong with the integration is said where it is looked for.
    const hypothetical = rules && hypotheticalToken(claims, rules, this.#now)
    this.#hypothetical = hypothetical ?? { token: notAnybodys, assumed: {} }
    const assumed = ['signature', 'times', ...Object.keys(this.#hypothetical.assumed)]
    const compared = `taken for granted: ${[...new Set(assumed)].join(', ')}`
    this.#report({ check: 'hypothetical', compared, passed: null, verified: false })
  }

  /** The database alone sees a proof of it: whatever it is, it is a password there. */
  #explainRelay(attempt: Attempt, pool: Pool): Explanation {
    const { role, hint } = admitRelay(attempt, pool)
    this.#facts.credential = 'password'
    const isToken = looksLikeToken(this.#readPassword())
    const compared = isToken ? 'a token, where a password is relayed' : 'a password, by the method'
    this.#report({ check: 'credential', compared, passed: !isToken, verified: true })
    if (isToken) throw new Refusal('wrong-password', { hint })
    this.#reportSettings(attempt, { role })
    return this.explanation('undecided', role)
  }

  /** Whoever explains a login makes no roles. */
  #reportProvision(
    { role, provision }: Pick<TokenAdmission, 'role' | 'provision'>,
    verified: boolean,
  ): void {
    if (provision === undefined) return
    const compared = `${role}: the database is not asked here whether it is this identity's own`
    this.#report({ check: 'provisioning', compared, passed: null, verified })
  }

  /** What the session would be told of its identity; without a connection there is no signature. */
  #reportSettings(
    { intent }: Pick<Attempt, 'intent'>,
    { role }: { readonly role: string },
    holder?: TokenIdentity,
    verified = true,
  ): void {
    const check = 'session settings'
    const rules = composeSessionSettings(this.#config).get(intent.database)
    const upstream = this.#config.databases[intent.database]?.upstream
    if (rules === undefined || upstream === undefined) return
    const now = (): Date => this.#now
    try {
      const identity = holder && toldIdentity(this.#facts, holder)
      const session = { id: this.#facts.id, role, database: upstream.database, identity }
      const tell = tellSession(rules, session, intent.parameters, now)
      const settings = [...tell({ address: undefined, port: undefined })].map(([name, value]) =>
        name === signedSetting && value !== '' ? `${name} (signed)` : `${name}=${value}`,
      )
      this.#report({ check, compared: settings.join('; '), passed: true, verified })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const compared = error.logDetail ?? error.messageFor({})
      this.#report({ check, compared, passed: false, verified })
      throw error
    }
  }

  /** Whoever explains a login does not have tokens issued. */
  #reportExchange(database: string): void {
    const exchange = this.#config.databases[database]?.exchange
    if (exchange === undefined) return
    const compared = `for ${exchange.audience ?? exchange.resource ?? ''}: the provider is not asked here`
    this.#report({ check: 'token exchange', compared, passed: null, verified: true })
  }

  /** What arrives of a credential: limited and ended as on the wire. */
  #readPassword(): string {
    const bytes = passwordMessage(this.#hypothetical?.token ?? this.#request.credential)
    const taken = readPasswordMessage(bytes, this.#config.limits.max_password)
    if (taken === undefined) throw new Error('a whole message was not read')
    return taken.value
  }

  async #verify(token: string, online: TokenRules): Promise<Principal> {
    // What nobody has signed is compared as if its keys could not be had.
    const isWithheld =
      this.#hypothetical !== undefined ||
      (this.#request.isOffline && !hasLocalKeys(this.#config, online))
    const rules = isWithheld ? { ...online, keys: noKeys(online) } : online
    const signed = await this.#checking(
      { header: readHeader(token) ?? {}, claims: {} },
      rules,
      async (checking) => openToken(token, rules.decryptionKeys, checking),
    )
    const told = readUnverified(signed) ?? nothingTold
    return this.#checking(told, rules, async (checking) =>
      verifyToken(signed, rules, this.#now, checking),
    )
  }

  async #introspect(token: string, rules: TokenRules): Promise<Principal> {
    const active = await this.#checking(nothingTold, rules, async (checking) => {
      checking('introspection')
      if (!this.#isOffline) return introspect(token, rules)
      throw new Refusal('introspection-unavailable', { cause: new Error('not asked, --offline') })
    })
    const told = { header: {}, claims: active.claims }
    return this.#checking(told, rules, async (checking) =>
      verifyIntrospected(active, token, rules, this.#now, checking),
    )
  }

  /** Reports the checks of what is known of a token, as far as they were made. */
  async #checking<T>(
    told: UnverifiedToken,
    rules: TokenRules,
    verify: (checking: CheckObserver) => Promise<T>,
  ): Promise<T> {
    const begun: TokenCheck[] = []
    try {
      const result = await verify((check) => begun.push(check))
      this.#reportChecks(begun, told, rules, undefined, true)
      return result
    } catch (error) {
      this.#reportChecks(begun, told, rules, error, true)
      throw error
    }
  }

  /** The checks that need no key, for a token that may be anybody's. */
  #preview(token: string, rules: TokenRules): ReturnType<typeof previewToken> {
    const begun: TokenCheck[] = []
    const told = readUnverified(token) ?? nothingTold
    const report = (refusal?: unknown): void => {
      this.#reportChecks(begun, told, rules, refusal, false)
    }
    try {
      const identity = previewToken(token, rules, this.#now, (check) => begun.push(check))
      report()
      return identity
    } catch (error) {
      report(error)
      throw error
    }
  }

  #reportChecks(
    checks: readonly TokenCheck[],
    told: UnverifiedToken,
    rules: TokenRules,
    refusal: unknown,
    verified: boolean,
  ): void {
    const isWithoutKeys = refusal instanceof Refusal && isAboutProvider(refusal)
    for (const [index, check] of checks.entries()) {
      const isSkipped = !verified && check === 'signature'
      const isLast = index === checks.length - 1
      const passed = !(refusal !== undefined && isLast)
      const compared = describeCheck(check, told, rules, this.#now)
      const why = isSkipped
        ? ': not checked without keys'
        : isLast && isWithoutKeys
          ? `: ${describeError(refusal.cause)}`
          : ''
      this.#report({
        check,
        compared: `${compared}${why}`,
        passed: isSkipped || (!passed && isWithoutKeys && this.#isOffline) ? null : passed,
        verified,
      })
    }
  }

  /** Whether the role is decided on without the database, which alone knows who is a member of what. */
  #reportMembership(
    { role, condition }: Pick<TokenAdmission, 'role' | 'condition'>,
    verified: boolean,
  ): boolean {
    if (condition === undefined || condition.memberOf.length === 0) return true
    const compared = `${role} in ${condition.memberOf.join(' or ')}: known at the database alone`
    this.#report({ check: 'membership', compared, passed: null, verified })
    return false
  }

  #report(step: ExplainedStep): void {
    this.#steps.push({ ...step, compared: printable(step.compared, longestComparison) })
  }
}

const nothingTold: UnverifiedToken = { header: {}, claims: {} }

/** Claims that lead to no integration have no form of a token that anybody would take. */
const notAnybodys = `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`

type Composed = ReturnType<typeof composeLoginRules>

/** Whether the provider could not be asked for what the verdict depends on. */
function isAboutProvider({ reason }: Refusal): boolean {
  return reason === 'keys-unavailable' || reason === 'introspection-unavailable'
}

/** Keys of the configuration or of a file are read without asking anybody. */
function hasLocalKeys({ integrations }: Config, { integration: name }: TokenRules): boolean {
  const { jwks, jwks_file: file } = integrations[name] ?? {}
  return jwks !== undefined || file !== undefined
}

function noKeys({ keys }: TokenRules): KeyCache {
  return new KeyCache({
    issuer: keys.issuer,
    fetch: async () => Promise.reject(new Error('not fetched, --offline')),
    observer: silent,
  })
}

function explainRefusal(refusal: Refusal, facts: SessionFacts): ExplainedRefusal {
  const { reason, fault } = refusal
  const { sqlstate, message, detail, hint } = errorFor(refusal, facts)
  const cause = refusal.cause === undefined ? [] : [describeError(refusal.cause)]
  const log = [refusal.logDetail ?? [], cause].flat().join(': ')
  const { meaning, remedy } = reasons[reason]
  return {
    ...{ reason, sqlstate, fault, message, detail: detail ?? null, hint: hint ?? null },
    ...{ log: log === '' ? null : printable(log, longestComparison), meaning, remedy },
  }
}

/** One that is not asked for is not sent. */
function certificateOf(config: Config, { certificate: file }: LoginRequest) {
  if (file === undefined) return undefined
  let thumbprint: string
  try {
    thumbprint = thumbprintOf(new X509Certificate(readFileSync(file)))
  } catch {
    throw new UnusableRequest(`${printable(file)} cannot be read as a certificate (PEM)`)
  }
  return clientCertificates(config) === 'none' ? undefined : { thumbprint, subject: undefined }
}

function startupOf(config: Config, request: LoginRequest): StartupMessage {
  const known = Object.entries(config.databases).find(([, one]) => one.upstream !== undefined)
  const database = request.database ?? known?.[0]
  const parameters = new Map([['user', request.user ?? 'id_token']])
  if (database !== undefined) parameters.set('database', database)
  if (request.options !== undefined) parameters.set('options', request.options)
  const { identityProvider } = request
  if (identityProvider !== undefined) parameters.set('identityprovider', identityProvider)
  return { kind: 'startup', minorVersion: 0, parameters, protocolOptions: [] }
}

function findListener(config: Config, wanted: string | undefined): ListenerAddress {
  const listeners = [...composeListeners(config).values()].map((one) => ({
    ...one,
    isUnixSocket: one.socketMode !== undefined,
  }))
  const found =
    wanted === undefined
      ? (listeners.find(({ isUnixSocket }) => !isUnixSocket) ?? listeners[0])
      : listeners.find(
          (one) => wanted === shownListener(one) || wanted === `${one.address}:${one.port}`,
        )
  if (found !== undefined) return found
  const known = listeners.map(shownListener).join(', ')
  throw new UnusableRequest(
    known === ''
      ? `no connectivity pool has a listener on node ${config.node}`
      : `${printable(wanted ?? '')} is not a listener of node ${config.node}: ${known}`,
  )
}
