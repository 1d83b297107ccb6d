// The client's token, once verified, for one that the upstream is the audience of (RFC 8693).
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { Refusal } from '../refusal.ts'
import type { OauthClient } from './oauth-client.ts'
import type { ProviderAccess } from './provider-access.ts'
import { type IssuedToken, refused, requestExchange, tokenTypes } from './request-exchange.ts'
import { toDate } from './shown.ts'
import { allowedTypes, tokenKinds, type TokenRules } from './token-rules.ts'
import { isEncrypted, looksLikeToken } from './token-shape.ts'
import { type Principal, verifyToken } from './verify-token.ts'

/** The provider of an integration, as one that exchanges tokens. */
export interface ExchangeProvider {
  readonly rules: TokenRules
  readonly access: Pick<ProviderAccess, 'customCa' | 'limits' | 'proxy'>
  readonly client: OauthClient
}

export interface ExchangeRules {
  /** By integration; those that may not exchange are not among them. */
  readonly providers: ReadonlyMap<string, ExchangeProvider>
  /** The integration whose provider is asked; the one that verified the token where undefined. */
  readonly integration: string | undefined
  /** At least one of audience and resource: what is issued must be for it. */
  readonly audience: string | undefined
  readonly resource: string | undefined
  readonly scope: string | undefined
  readonly requestedTokenType: string | undefined
  /** What the token is of, where undefined. */
  readonly subjectTokenType: string | undefined
  /** Whether a token that nobody here can read is passed on. */
  readonly allowsOpaque: boolean
  /** Whether what is issued may be of another subject than the token that it was exchanged for. */
  readonly allowsOtherSubject: boolean
}

/** A verified token. */
export interface SubjectToken {
  readonly token: string
  readonly principal: Principal
}

export interface ExchangedToken {
  readonly token: string
  /** Who acts for the subject, the current actor first. */
  readonly actors: readonly string[]
  readonly tokenIdHash: string | undefined
}

interface Remembered extends ExchangedToken {
  readonly freshUntil: Date
}

/** What is issued is used no longer than until so long before its end: the upstream has a clock too. */
const marginMs = 30_000

/** What a provider may issue: a token of any kind, and nothing that is signed for another purpose. */
const issuedKinds = new Set(tokenKinds)
const issuedTypes = allowedTypes(['JWT', 'at+jwt', 'none'])

/**
 * Exchanges tokens for one database. What was issued is remembered by the SHA-256 of the token that it was
 * issued for, until shortly before either expires. Logins at the same time share one request.
 */
export class TokenExchange {
  readonly rules: ExchangeRules
  readonly #remembered: LRUCache<string, Remembered>
  readonly #inFlight = new Map<string, Promise<ExchangedToken>>()

  /** `maxTokenBytes` limits the length of all remembered tokens. */
  constructor(rules: ExchangeRules, maxTokenBytes: number) {
    this.rules = rules
    this.#remembered = new LRUCache({ maxSize: maxTokenBytes })
  }

  async exchange(subject: SubjectToken, clock: () => Date): Promise<ExchangedToken> {
    // Two integrations may verify the same token, and their providers are not asked for each other.
    const hash = createHash('sha256').update(subject.token).digest('base64')
    const index = `${hash} ${subject.principal.integration}`
    const known = this.#remembered.get(index)
    if (known !== undefined && clock().getTime() < known.freshUntil.getTime()) return known
    this.#remembered.delete(index)
    const waiting = this.#inFlight.get(index)
    if (waiting !== undefined) return waiting
    const asked = this.#ask(subject, index, clock).finally(() => this.#inFlight.delete(index))
    this.#inFlight.set(index, asked)
    return asked
  }

  async #ask(subject: SubjectToken, index: string, clock: () => Date): Promise<ExchangedToken> {
    const provider = this.#providerFor(subject.principal)
    const { issuer, tokenEndpoint: endpoint } = await provider.rules.keys.current()
    if (endpoint === undefined) {
      const logDetail = `the discovery document of ${issuer} has no token_endpoint`
      throw new Refusal('exchange-failed', { logDetail })
    }
    const parameters = this.#parametersFor(subject)
    const request = { issuer, endpoint, client: provider.client, parameters }
    const issued = await requestExchange(request, provider.access)
    const now = clock()
    const { exchanged, goodUntil } = await this.#accept(issued, subject.principal, provider, now)
    const freshUntil = earliest([
      new Date(goodUntil.getTime() - marginMs),
      subject.principal.goodUntil,
    ])
    if (freshUntil.getTime() > now.getTime()) {
      const size = exchanged.token.length + exchanged.actors.join('').length
      this.#remembered.set(index, { ...exchanged, freshUntil }, { size })
    }
    return exchanged
  }

  #providerFor(principal: Principal): ExchangeProvider {
    const integration = this.rules.integration ?? principal.integration
    const provider = this.rules.providers.get(integration)
    if (provider === undefined) throw new Error(`${integration} exchanges no tokens`)
    return provider
  }

  /** RFC 8693, 2.1. */
  #parametersFor({ token, principal }: SubjectToken): Record<string, string> {
    const { audience, resource, scope, requestedTokenType, subjectTokenType } = this.rules
    return {
      subject_token: token,
      subject_token_type:
        subjectTokenType ??
        (principal.kind === 'id_token' ? tokenTypes.idToken : tokenTypes.accessToken),
      ...(audience !== undefined && { audience }),
      ...(resource !== undefined && { resource }),
      ...(scope !== undefined && { scope }),
      ...(requestedTokenType !== undefined && { requested_token_type: requestedTokenType }),
    }
  }

  /** What is issued is verified like any other token, and is for the upstream and of the same subject. */
  async #accept(
    { token, lifetimeSeconds }: IssuedToken,
    subject: Principal,
    { rules }: ExchangeProvider,
    now: Date,
  ): Promise<{ readonly exchanged: ExchangedToken; readonly goodUntil: Date }> {
    const end =
      lifetimeSeconds === undefined ? undefined : toDate(now.getTime() / 1_000 + lifetimeSeconds)
    if (!looksLikeToken(token) || isEncrypted(token)) {
      if (!this.rules.allowsOpaque) {
        throw refused('the issued token is opaque: it is no JWT, or an encrypted one')
      }
      // Nothing says how long it is good for but the provider: without a word it is used once.
      const exchanged = { token, actors: [], tokenIdHash: undefined }
      return { exchanged, goodUntil: end ?? now }
    }
    const issued = await this.#verify(token, rules, now)
    const isSame = issued.subject === subject.subject && issued.issuer === subject.issuer
    if (!isSame && !this.rules.allowsOtherSubject) {
      throw refused('the issued token is of another subject')
    }
    if (issued.certificateThumbprint !== undefined) {
      throw refused('the issued token is bound to a certificate, so that it cannot be passed on')
    }
    const goodUntil = earliest([issued.expiresAt, end ?? issued.expiresAt])
    if (goodUntil.getTime() <= now.getTime()) throw refused('the issued token has expired')
    const { actors, tokenIdHash } = issued
    return { exchanged: { token, actors, tokenIdHash }, goodUntil }
  }

  async #verify(token: string, rules: TokenRules, now: Date): Promise<Principal> {
    try {
      return await verifyToken(token, this.#rulesForIssued(rules), now)
    } catch (error) {
      if (!(error instanceof Refusal) || error.fault !== 'client') throw error
      const told = [error.clientDetail, error.logDetail].filter((text) => text !== undefined)
      throw refused(`the issued token is not accepted, ${[error.reason, ...told].join(': ')}`)
    }
  }

  /** Issuer, keys and algorithms of the integration; what it demands of a client's token is another matter. */
  #rulesForIssued(rules: TokenRules): TokenRules {
    const { audience, resource } = this.rules
    return {
      ...rules,
      clientId: undefined,
      allowedTypes: issuedTypes,
      kinds: issuedKinds,
      additionalAudiences: [audience, resource].filter((one) => one !== undefined),
      maxTokenAgeMs: undefined,
      requiredClaims: [],
      requiredAcr: [],
      requireSenderConstraint: false,
      principalClaim: 'sub',
      groupsClaimIds: [],
      userinfo: undefined,
      introspection: undefined,
      decryptionKeys: undefined,
    }
  }
}

function earliest(dates: readonly Date[]): Date {
  return new Date(Math.min(...dates.map((date) => date.getTime())))
}
