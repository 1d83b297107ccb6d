// From a configuration to what sessions run by: catalog, token rules, upstream targets.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { RE2JS } from 're2js'
import { type Config, contentsOf, weekdays } from './config/index.ts'
import type { IntrospectionAccess } from './identity/ask-introspection.ts'
import { type DecryptionKey, parseDecryptionKeys } from './identity/decryption-keys.ts'
import type { Dialect } from './identity/dialect.ts'
import { KeyCache } from './identity/key-cache.ts'
import { findIssuerKeys, type KeySource } from './identity/key-source.ts'
import type { SignInProvider } from './identity/sign-in-provider.ts'
import type { IssuerObserver } from './identity/observer.ts'
import type { ProviderAccess } from './identity/provider-access.ts'
import { type ExchangeProvider, TokenExchange } from './identity/token-exchange.ts'
import { allowedTypes, type TokenRules } from './identity/token-rules.ts'
import { VerifiedTokens } from './identity/verified-tokens.ts'
import { KeptParts } from './kept-parts.ts'
import type { Catalog, Integration, Pool, Provisioning } from './policy/catalog.ts'
import { parseCockroachMap } from './policy/cockroach-identity-map.ts'
import { type IdentityMap, parseIdentityMap } from './policy/identity-map.ts'
import { type LoginHours, parseTimeOfDay, timeZone } from './policy/login-hours.ts'
import { parseNetwork } from './policy/network.ts'
import { Pools } from './policy/pools.ts'
import { parseVerifier } from './sasl/scram-server.ts'
import type { ClientCertificates } from './session/client-certificate.ts'
import type { ListenOptions } from './session/listener.ts'
import type { CertificateFiles, ServerContexts } from './session/server-certificate.ts'
import type { Rules } from './session/services.ts'
import { signInPagesAt } from './session/sign-in-paths.ts'
import type { SessionSettings } from './session/session-settings.ts'
import { readTrusted } from './trusted-authorities.ts'
import { readAuthority } from './upstream/certificate-authority.ts'
import { Provisioner } from './upstream/provisioner.ts'
import { RoleCertificates } from './upstream/role-certificates.ts'
import { SignedTokens } from './upstream/signed-tokens.ts'
import type { UpstreamCredentials, UpstreamTarget, WarmLimits } from './upstream/target.ts'

/** No discovery document or key set of an honest issuer is longer. */
const maxIssuerAnswerBytes = 65_536

const maxDecryptionKeyBytes = 65_536

/** For each integration and process. */
const maxRememberedTokenBytes = 16 * 1024 * 1024

/** For each upstream and process. */
const maxRoleCertificates = 1_000

/** A third of what AWS gives them: credentials that it is signed with may end before it does. */
const rdsTokenUseMs = 5 * 60_000
const rdsSigningTimeoutMs = 10_000

/** Key caches by what makes two of them the same, so that a reload keeps the keys it has. */
export type KeyCaches = Map<string, KeyCache>

export function composeRules(
  config: Config,
  certificates: ServerContexts,
  observer: IssuerObserver,
  caches: KeyCaches,
  parts: KeptParts,
): Omit<Rules, 'catalogVersion' | 'sessionTokens'> {
  const { limits, timeouts } = config
  const login = composeLoginRules(config, observer, caches, parts)
  return {
    ...login,
    exchanges: composeExchanges(config, login.tokens, parts),
    signIns: composeSignIns(config),
    signInPages: config.web && signInPagesAt(config.web.public_url, config.web.node_url),
    sessionSettings: composeSessionSettings(config),
    ...composeUpstreams(config, parts),
    consoleSecrets: composeConsoleSecrets(config),
    certificates,
    rechecks: composeRechecks(config),
    isEnforced: config.enforce_on_reload,
    clientCertificates: clientCertificates(config),
    trustedProxies: config.trusted_proxies.map(parseNetwork),
    limits: {
      maxPasswordBytes: limits.max_password,
      maxSessions: limits.max_sessions,
      maxSessionsPerPrincipal: limits.max_sessions_per_principal,
      maxSessionsPerRole: limits.max_sessions_per_role,
      maxSessionsOfPool: maxSessionsOf(config.connectivity_pools),
      maxSessionsOfDatabase: maxSessionsOf(config.databases),
      loginsPerSecondPerAddress: limits.logins_per_second_per_address ?? undefined,
      loginBurstPerAddress: limits.login_burst_per_address,
      throttled: new Set(limits.throttle),
      maxUnauthenticated: limits.max_unauthenticated,
      maxUnauthenticatedPerAddress: limits.max_unauthenticated_per_address ?? undefined,
      maxSignIns: limits.max_sign_ins,
      maxRelays: limits.max_relays,
      maxConsoleSessions: limits.max_console_sessions,
      maxPausedLogins: limits.max_paused_logins,
    },
    timeouts: {
      startupMs: timeouts.startup,
      tlsHandshakeMs: timeouts.tls_handshake,
      authenticationMs: timeouts.authentication,
      signInMs: timeouts.sign_in,
      pauseMs: timeouts.pause,
      keepAliveIdleMs: timeouts.keepalive,
    },
  }
}

function composeConsoleSecrets({ console: { users } }: Config): Rules['consoleSecrets'] {
  return new Map(
    Object.entries(users).map(([name, { secret }]) => {
      const verifier = parseVerifier(secret)
      return [
        name,
        verifier === undefined
          ? { kind: 'password', password: secret }
          : { kind: 'verifier', verifier },
      ]
    }),
  )
}

/** By name, of those that have a limit. */
function maxSessionsOf(
  entries: Readonly<Record<string, { readonly max_sessions?: number | undefined }>>,
): ReadonlyMap<string, number> {
  return new Map(
    Object.entries(entries).flatMap(([name, { max_sessions: limit }]) =>
      limit === undefined ? [] : [[name, limit] as const],
    ),
  )
}

/** Asked for only where somebody looks at them: some clients put up a dialogue. */
export function clientCertificates({ tls, integrations }: Config): ClientCertificates {
  if (tls.client_ca !== null) return 'verified'
  const isNeeded = Object.values(integrations).some(
    ({ enabled, require_sender_constraint: required }) => enabled && required,
  )
  return isNeeded ? 'any' : 'none'
}

/** What every certificate of ours is used with. */
export function tlsSettings({
  min_version: minVersion,
  max_version: maxVersion,
  ciphers,
  groups,
}: Config['tls']): Pick<CertificateFiles, 'minVersion' | 'maxVersion' | 'ciphers' | 'groups'> {
  return { minVersion, maxVersion, ciphers, groups }
}

/** The part that decides who logs in as what. */
export function composeLoginRules(
  config: Config,
  observer: IssuerObserver,
  caches: KeyCaches,
  parts: KeptParts = new KeptParts(),
): Pick<Rules, 'catalog' | 'tokens'> {
  return {
    catalog: composeCatalog(config),
    tokens: composeTokens(config, observer, caches, parts),
  }
}

/** The sockets of this node, each once however many pools share it. */
export function composeListeners(
  config: Config,
): ReadonlyMap<string, Omit<ListenOptions, 'sharesPort'>> {
  const listeners = new Map<string, Omit<ListenOptions, 'sharesPort'>>()
  for (const pool of Object.values(config.connectivity_pools)) {
    for (const participant of participantsHere(config, pool)) {
      const key = listenerKey(participant)
      const path = socketOf(participant)
      listeners.set(key, {
        address: path ?? addressOf(participant),
        socketMode: path === undefined ? undefined : socketModes[participant.socket_mode],
        port: participant.listen_port,
        key,
        allowsCleartext: path !== undefined || participant.allow_cleartext,
        proxyProtocol: participant.proxy_protocol,
      })
    }
  }
  return listeners
}

function keysOf(config: Config, pool: PoolConfig, areSockets: boolean): ReadonlySet<string> {
  const here = participantsHere(config, pool)
  const chosen = here.filter((participant) => (socketOf(participant) !== undefined) === areSockets)
  return new Set(chosen.map(listenerKey))
}

type PoolConfig = Config['connectivity_pools'][string]
type Participant = PoolConfig['participants'][number]

function participantsHere(config: Config, pool: PoolConfig): readonly Participant[] {
  return pool.participants.filter((participant) => participant.node === config.node)
}

const socketModes = { '0600': 0o600, '0660': 0o660 } as const

/** Where libpq looks for a server on this port in a directory. */
function socketOf({ socket_directory: directory, listen_port: port }: Participant) {
  return directory === undefined ? undefined : join(directory, `.s.PGSQL.${port}`)
}

function addressOf({ listen_address: address }: Participant): string {
  if (address === undefined) throw new Error('listen_address is required')
  return address
}

/** With other permissions it is another listener, which a reload opens anew. */
function listenerKey(participant: Participant): string {
  return socketOf(participant) ?? `${addressOf(participant)} ${participant.listen_port}`
}

export function composeCatalog(config: Config): Catalog {
  return {
    pools: new Pools(
      Object.entries(config.connectivity_pools).map(([name, pool]): Pool => ({
        name,
        networks: pool.source_address.map(parseNetwork),
        priority: pool.priority,
        requireSso: pool.require_sso,
        passwordUsers: new Set(pool.password_users),
        authMethods: pool.auth_methods,
        ssoIntegration: pool.sso_integration,
        ssoFlows: pool.sso_flows,
        allowsReplication: pool.allow_replication,
        serverNames: new Set(pool.server_names.map((name) => name.toLowerCase())),
        requiresClientCertificate: pool.client_certificate === 'required',
        sessionLimits: {
          expiry: pool.session_expiry,
          graceMs: pool.session_grace,
          maxLifetimeMs: pool.max_session_lifetime,
          idleMs: pool.idle_timeout,
          idleInTransactionMs: pool.idle_in_transaction_timeout,
        },
        allowedDatabases: setOf(pool.allowed_databases),
        allowedGroups: setOf(pool.allowed_groups),
        allowedIntegrations: setOf(pool.allowed_integrations),
        loginHours: (pool.login_hours ?? []).map(composeHours),
        listeners: keysOf(config, pool, false),
        unixSockets: keysOf(config, pool, true),
      })),
    ),
    databases: new Map(
      Object.entries(config.databases).map(([name, database]) => [
        name,
        {
          name,
          integrations: database.integrations,
          primary: database.primary,
          selection: database.integration_selection,
          hasUpstream: database.upstream !== undefined,
          wantsProviderToken: database.upstream?.auth.method === 'token',
          provisioner: database.upstream?.provisioner?.role,
        },
      ]),
    ),
    integrations: new Map(
      Object.entries(config.integrations).map(([name, integration]): [string, Integration] => [
        name,
        {
          name,
          isEnabled: integration.enabled,
          issuer: integration.issuer,
          clientId: integration.client_id,
          defaultGroup: integration.default_group,
          groupMappings: new Map(Object.entries(integration.groups_claim_mappings)),
          blockedGroups: new Set(integration.blocked_groups),
          principalPattern:
            integration.principal_regex === undefined
              ? undefined
              : RE2JS.compile(integration.principal_regex),
          mapsPrincipal: integration.map_principal,
          allowsIdTokenUser: integration.enable_id_token_authentication,
          dialect: dialectOf(integration),
          provisioning: provisioningOf(integration),
          requiresGroups: integration.cockroach?.requiresGroups ?? false,
          scopes: scopesOf(integration),
        },
      ]),
    ),
    groups: new Map(
      Object.entries(config.groups).map(([name, { role, rank, allow_superuser }]) => [
        name,
        { name, role, rank, allowsSuperuser: allow_superuser },
      ]),
    ),
    identityMap: composeIdentityMap(config),
    console: {
      adminGroups: new Set(config.console.admin_groups),
      statsGroups: new Set(config.console.stats_groups),
      users: new Map(
        Object.entries(config.console.users).map(([name, { right }]) => [name, right]),
      ),
      unixSocket: config.console.unix_socket === 'none' ? undefined : config.console.unix_socket,
    },
  }
}

function setOf(names: readonly string[] | undefined): ReadonlySet<string> | undefined {
  return names && new Set(names)
}

type HoursConfig = NonNullable<PoolConfig['login_hours']>[number]

function composeHours({ days, from, to, time_zone: zone }: HoursConfig): LoginHours {
  return {
    days: new Set(days.map((day) => weekdays.indexOf(day))),
    from: minuteOf(from),
    to: minuteOf(to),
    zone: timeZone(zone),
  }
}

function minuteOf(time: string): number {
  const minute = parseTimeOfDay(time)
  if (minute === undefined) throw new Error(`${time} is no time of day`)
  return minute
}

type IntegrationConfig = Config['integrations'][string]

function provisioningOf({ provisioning }: IntegrationConfig): Provisioning | undefined {
  const { enabled, sync, connection_limit: connectionLimit } = provisioning
  return enabled ? { sync, connectionLimit } : undefined
}

function dialectOf({ cockroach }: IntegrationConfig): Dialect {
  return cockroach === undefined ? 'portcullis' : 'cockroachdb'
}

/** No issuer has lines in both: the check of the configuration sees to it. */
function composeIdentityMap({ identity_map: own, settings }: Config): IdentityMap {
  const theirs = parseCockroachMap(settings['server.identity_map.configuration'])
  return new Map([...theirs.map, ...parseIdentityMap(own).map])
}

function composeTokens(
  config: Config,
  observer: IssuerObserver,
  caches: KeyCaches,
  parts: KeptParts,
): ReadonlyMap<string, VerifiedTokens> {
  const sessionClaims = claimsOfSessions(config)
  // Nothing is asked of the provider of an integration that is switched off.
  const enabled = Object.entries(config.integrations).filter(([, { enabled }]) => enabled)
  return new Map(
    enabled.map(([name, integration]): [string, VerifiedTokens] => {
      const { issuer, cockroach, decryption_keys_file: keysFile } = integration
      // Before the file is read for use: what is written later then makes another description.
      const files = contentsOf(keysFile === undefined ? [] : [keysFile])
      const access = accessOf(integration)
      const source = keySourceOf(integration)
      const cacheKey = JSON.stringify([issuer, source, access])
      const keys =
        caches.get(cacheKey) ??
        new KeyCache({
          issuer,
          fetch: async () => findIssuerKeys(issuer, source, access),
          observer,
        })
      caches.set(cacheKey, keys)
      const rules: TokenRules = {
        integration: name,
        keys,
        clientId: integration.client_id,
        additionalAudiences: integration.additional_audiences,
        allowsNoAudience: integration.allow_no_audience,
        strictAudiences: integration.strict_audiences,
        algorithms: integration.algorithms,
        allowedTypes: allowedTypes(integration.allowed_typ),
        kinds: new Set(integration.token_kinds),
        maxTokenAgeMs: integration.max_token_age,
        leewayMs: integration.leeway,
        requiredClaims: Object.entries(integration.required_claims).map(([claim, expected]) => ({
          name: claim,
          expected: typeof expected === 'object' ? RE2JS.compile(expected.pattern) : expected,
        })),
        requiredAcr: integration.required_acr,
        requireSenderConstraint: integration.require_sender_constraint,
        principalClaim: integration.principal_claim,
        sessionClaims,
        groupsClaimIds: integration.groups_claim_ids,
        userinfo: integration.userinfo_groups ? access : undefined,
        introspection: introspectionOf(integration, access),
        decryptionKeys: decryptionKeysOf(integration),
        userinfoGroupsIds: cockroach?.userinfoGroupKeys ?? integration.groups_claim_ids,
        dialect: dialectOf(integration),
      }
      const made = parts.once(['tokens', name, integration, access, sessionClaims, files], () => {
        return new VerifiedTokens(rules, maxRememberedTokenBytes)
      })
      return [name, made]
    }),
  )
}

/** The client of the introspection, or that of the integration: never a part of each. */
function introspectionOf(
  integration: IntegrationConfig,
  { customCa, limits, proxy }: ProviderAccess,
): IntrospectionAccess | undefined {
  const { introspection } = integration
  if (introspection === undefined) return undefined
  const { endpoint, authentication, cache } = introspection
  const { client_id: clientId, client_secret: clientSecret } =
    introspection.client_id === undefined ? integration : introspection
  if (clientId === undefined || clientSecret === undefined) {
    throw new Error('introspection has no client_id or no client_secret')
  }
  const client = { clientId, clientSecret, authentication }
  return { endpoint, ...client, cacheMs: cache, customCa, limits, proxy }
}

/** Read now: a token must not be what finds out that they are not there. */
export function decryptionKeysOf({
  decryption_keys_file: path,
}: IntegrationConfig): readonly DecryptionKey[] | undefined {
  if (path === undefined) return undefined
  const bytes = readFileSync(path)
  if (bytes.length > maxDecryptionKeyBytes) {
    throw new Error(`${path} is longer than ${maxDecryptionKeyBytes} bytes`)
  }
  try {
    return parseDecryptionKeys(bytes.toString('utf8'))
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : 'it cannot be read'}`)
  }
}

/** Reads the file of the certificate authorities. */
export function accessOf(integration: IntegrationConfig): ProviderAccess {
  const { custom_ca: caFile, cockroach } = integration
  return {
    customCa: caFile === undefined ? cockroach?.customCa : readTrusted(caFile),
    limits: { timeoutMs: integration.request_timeout, maxBytes: maxIssuerAnswerBytes },
    bearerTokenFile: integration.jwks_bearer_token_file,
    proxy: integration.proxy,
  }
}

export function keySourceOf(integration: IntegrationConfig): KeySource {
  const { jwks, jwks_file: path, jwks_uri: uri } = integration
  if (jwks !== undefined) return { kind: 'inline', text: jwks }
  if (path !== undefined) return { kind: 'file', path }
  return uri === undefined ? { kind: 'discovery' } : { kind: 'uri', uri }
}

function composeExchanges(
  config: Config,
  tokens: ReadonlyMap<string, VerifiedTokens>,
  parts: KeptParts,
): ReadonlyMap<string, TokenExchange> {
  const exchanges = new Map<string, TokenExchange>()
  for (const [name, { exchange }] of Object.entries(config.databases)) {
    if (exchange === undefined) continue
    const rules = {
      providers: exchangeProviders(config, exchange, tokens),
      integration: exchange.integration,
      audience: exchange.audience,
      resource: exchange.resource,
      scope: exchange.scope,
      requestedTokenType: exchange.requested_token_type,
      subjectTokenType: exchange.subject_token_type,
      allowsOpaque: exchange.allow_opaque,
      allowsOtherSubject: exchange.allow_other_subject,
    }
    const made = parts.once(
      ['exchange', name, exchange, [...tokens.values()].map((one) => parts.nameOf(one))],
      () => new TokenExchange(rules, maxRememberedTokenBytes),
    )
    exchanges.set(name, made)
  }
  return exchanges
}

export function composeSignIns({ integrations }: Config): ReadonlyMap<string, SignInProvider> {
  const providers = new Map<string, SignInProvider>()
  for (const [name, integration] of Object.entries(integrations)) {
    const { client_id: id, client_secret: secret } = integration
    if (!integration.enabled || id === undefined) continue
    providers.set(name, {
      client: { id, secret, authentication: secret === undefined ? 'none' : 'basic' },
      access: accessOf(integration),
      scopes: scopesOf(integration),
      algorithms: integration.algorithms,
    })
  }
  return providers
}

function scopesOf(integration: IntegrationConfig): readonly string[] {
  return ['openid', ...integration.additional_scopes]
}

type ExchangeConfig = NonNullable<Config['databases'][string]['exchange']>

/** The client of the exchange, or that of the integration: never a part of the one and a part of the other. */
function exchangeProviders(
  config: Config,
  exchange: ExchangeConfig,
  tokens: ReadonlyMap<string, VerifiedTokens>,
): ReadonlyMap<string, ExchangeProvider> {
  const providers = new Map<string, ExchangeProvider>()
  for (const [name, { rules }] of tokens) {
    const integration = config.integrations[name]
    const { client_id: id, client_secret: secret } =
      exchange.client_id === undefined ? (integration ?? {}) : exchange
    if (integration === undefined || id === undefined) continue
    const client = { id, secret, authentication: exchange.authentication }
    providers.set(name, { rules, access: accessOf(integration), client })
  }
  return providers
}

export function composeSessionSettings({
  databases,
}: Config): ReadonlyMap<string, SessionSettings> {
  const all = new Map<string, SessionSettings>()
  for (const [name, { session_settings: settings }] of Object.entries(databases)) {
    if (settings === undefined) continue
    const { identity, claims, claim_settings: claimSettings, signing } = settings
    all.set(name, {
      tellsIdentity: identity,
      claims,
      claimSettings: new Map(Object.entries(claimSettings)),
      signing: signing && {
        secret: signing.secret,
        validityMs: signing.validity,
        isBoundToConnection: signing.bound_to === 'connection',
      },
    })
  }
  return all
}

/** Those of every database: which of them a token will be for is not known when it is verified. */
function claimsOfSessions(config: Config): readonly string[] {
  const settings = [...composeSessionSettings(config).values()]
  const names = settings.flatMap((one) => [...one.claims, ...one.claimSettings.values()])
  return [...new Set(names)]
}

function composeUpstreams(
  config: Config,
  parts: KeptParts,
): Pick<Rules, 'upstreams' | 'provisioners'> {
  const upstreams = new Map<string, UpstreamTarget>()
  const provisioners = new Map<string, Provisioner>()
  for (const [name, { upstream }] of Object.entries(config.databases)) {
    if (upstream === undefined) continue
    const { ca, auth } = upstream
    const files = [
      ca ?? [],
      auth.method === 'certificate' ? [auth.ca_certificate, auth.ca_key] : [],
    ].flat()
    const { target, provisioner } = parts.once(
      ['upstream', name, upstream, contentsOf(files)],
      () => {
        const made = composeUpstream(upstream)
        return { target: made, provisioner: composeProvisioner(upstream, made) }
      },
    )
    upstreams.set(name, target)
    if (provisioner !== undefined) provisioners.set(name, provisioner)
  }
  return { upstreams, provisioners }
}

/** Connects to nothing before it is used. */
export function composeProvisioner(
  { provisioner }: UpstreamConfig,
  target: UpstreamTarget,
): Provisioner | undefined {
  return provisioner && new Provisioner({ ...provisioner, password: provisioner.password, target })
}

function composeRechecks({ integrations }: Config): Rules['rechecks'] {
  return new Map(
    Object.entries(integrations).flatMap(([name, { recheck, recheck_max_stale: maxStaleMs }]) =>
      recheck === undefined ? [] : [[name, { everyMs: recheck, maxStaleMs }] as const],
    ),
  )
}

type UpstreamConfig = NonNullable<Config['databases'][string]['upstream']>

/** Reads the file of the certificate authorities, and those of the authority that signs for us. */
export function composeUpstream(upstream: UpstreamConfig): UpstreamTarget {
  const context: SecureContextOptions = {
    minVersion: 'TLSv1.2',
    ...(upstream.ca === undefined ? {} : { ca: readTrusted(upstream.ca) }),
  }
  return {
    hosts: upstream.hosts,
    isBalanced: upstream.load_balance_hosts === 'random',
    wantedSession: upstream.target_session_attrs,
    connectRetries: upstream.connect_retries,
    database: upstream.database,
    tls: upstream.tls,
    secureContext: createSecureContext(context),
    serverName: upstream.server_name,
    channelBinding: upstream.channel_binding,
    protocol: upstream.protocol,
    connectTimeoutMs: upstream.connect_timeout,
    warm: composeWarm(upstream),
    credentials: composeCredentials(upstream.auth, context),
  }
}

/** A session lives no longer unused than a certificate is used for logins. */
function composeWarm({ warm, auth }: UpstreamConfig): WarmLimits | undefined {
  if (warm === undefined) return undefined
  const { max_per_role: maxPerRole, max, max_age: maxAge, reuse } = warm
  const maxAgeMs = auth.method === 'certificate' ? Math.min(maxAge, auth.validity / 2) : maxAge
  return { maxPerRole, max, maxAgeMs, reuse }
}

function composeCredentials(
  auth: UpstreamConfig['auth'],
  context: SecureContextOptions,
): UpstreamCredentials {
  switch (auth.method) {
    case 'password': {
      const { method, passwords, allow } = auth
      return { method, passwords: new Map(Object.entries(passwords)), allow: new Set(allow) }
    }
    case 'certificate': {
      const authority = readAuthority({ certificate: auth.ca_certificate, key: auth.ca_key })
      const certificates = new RoleCertificates({
        authority,
        validityMs: auth.validity,
        maxRoles: maxRoleCertificates,
        context,
      })
      return { method: auth.method, certificates }
    }
    case 'rds-iam': {
      const { region } = auth
      const signing = import('./upstream/sign-for-rds.ts').then((one) => one.signerForRds(region))
      signing.catch(() => {
        // Whoever logs in first is told.
      })
      const tokens = new SignedTokens({
        sign: async (scope) => (await signing)(scope),
        what: 'token of AWS',
        useMs: rdsTokenUseMs,
        timeoutMs: rdsSigningTimeoutMs,
        maxTokens: maxRoleCertificates,
        now: Date.now,
      })
      return { method: auth.method, tokens }
    }
    case 'token':
      return { method: auth.method, form: auth.as, isAnnounced: auth.cockroachdb }
    case 'trust':
      return { method: auth.method }
  }
}
