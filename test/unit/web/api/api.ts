import { exportJWK, generateKeyPair } from 'jose'
import type { IssuerKeys } from '../../../../src/identity/discovery.ts'
import type { KeptIdentity } from '../../../../src/identity/kept-identity.ts'
import type { SessionTokens } from '../../../../src/identity/session-token.ts'
import type { SignInProvider } from '../../../../src/identity/sign-in-provider.ts'
import type { VerifiedTokens } from '../../../../src/identity/verified-tokens.ts'
import type { Principal } from '../../../../src/identity/verify-token.ts'
import { Refusal } from '../../../../src/refusal.ts'
import { LocalLedger } from '../../../../src/session/ledger.ts'
import type { WebServices } from '../../../../src/web/services.ts'
import { createWebApp } from '../../../../src/web/web-app.ts'
import { publicUrl, webRules, webServices } from '../../../support/web-services.ts'
import { catalogOf, database, group, integration, issuer } from '../../policy/catalogs.ts'

type Json = Readonly<Record<string, unknown>>

/** Tokens of the provider are the names of people here, and those of ours are JSON. */
export function fakeTokens(): SessionTokens {
  return {
    issue: async ({ identity, bounds, lifetimeMs = 3_600_000 }, now) =>
      Promise.resolve({
        token: Buffer.from(JSON.stringify({ identity, bounds })).toString('base64url'),
        id: 'the-id',
        expiresAt: Math.min(now.getTime() + lifetimeMs, identity.expiresAt),
      }),
    read: async (token) => {
      try {
        const text = Buffer.from(token, 'base64url').toString()
        const { identity, bounds } = JSON.parse(text) as Awaited<ReturnType<SessionTokens['read']>>
        return await Promise.resolve({ id: 'the-id', identity, bounds, expiresAt: 1e13 })
      } catch {
        throw new Refusal('token-malformed')
      }
    },
    publicKeys: async () => {
      const { publicKey } = await generateKeyPair('ES256', { extractable: true })
      return { keys: [await exportJWK(publicKey)] }
    },
  }
}

export function person(subject: string, more: Partial<KeptIdentity> = {}): KeptIdentity {
  const now = Date.now()
  return {
    integration: 'people',
    kind: 'id_token',
    ...{ issuer, subject, names: [subject], groups: [] },
    issuedAt: now,
    expiresAt: now + 600_000,
    ...more,
  }
}

/** A session token of somebody, as `fakeTokens` reads it. */
export function tokenOf(identity: KeptIdentity, bounds: object = {}): string {
  return Buffer.from(JSON.stringify({ identity, bounds })).toString('base64url')
}

interface Parts extends Partial<WebServices> {
  readonly keys?: IssuerKeys
  readonly provider?: SignInProvider
  /** Whom the provider signs in, by its token. */
  readonly whose?: (token: string) => Partial<Principal>
}

/** One node; what it is not given is the same at all of them. */
export function node({ keys, provider, whose, ...services }: Parts = {}): Caller {
  const verify = async (token: string): Promise<Principal> => {
    const now = Date.now()
    const its = whose?.(token)
    if (its === undefined) throw new Refusal('token-signature')
    return Promise.resolve({
      ...person('nobody'),
      ...{ sid: undefined, tokenIdHash: undefined, certificateThumbprint: undefined, actors: [] },
      expiresAt: new Date(now + 600_000),
      goodUntil: new Date(now + 600_000),
      issuedAt: new Date(now),
      ...its,
    } as Principal)
  }
  const current = async (): Promise<IssuerKeys | undefined> => Promise.resolve(keys)
  const verifier = { verify, rules: { keys: { current } } } as unknown as VerifiedTokens
  const rules = webRules({
    catalog: catalogOf({
      integrations: [integration('people', { defaultGroup: 'readonly' })],
      groups: [group('readonly', 'app_readonly')],
      databases: [
        database('system', { integrations: ['people'], hasUpstream: false }),
        database('sandbox'),
      ],
    }),
    tokens: new Map([['people', verifier]]),
    providers: new Map(provider === undefined ? [] : [['people', provider]]),
  })
  const app = createWebApp(
    webServices({
      rules: () => rules,
      tokens: fakeTokens(),
      throttle: { ledger: new LocalLedger(), credentialKey: Buffer.alloc(32) },
      ...services,
    }),
  )
  return async (
    path,
    { body, headers = {}, method = 'POST', address = '10.0.0.1', signal } = {},
  ) => {
    const isJson = typeof body === 'object'
    const text = isJson ? JSON.stringify(body) : body
    const request = new Request(publicUrl + path, {
      method,
      headers: {
        ...(isJson && { 'content-type': 'application/json' }),
        ...(text !== undefined && { 'content-length': String(Buffer.byteLength(text)) }),
        ...headers,
      },
      ...(text !== undefined && { body: text }),
      ...(signal !== undefined && { signal }),
    })
    const response = await app.fetch(request, { incoming: { socket: { remoteAddress: address } } })
    const answered = await response.text()
    const json = answered.startsWith('{') ? (JSON.parse(answered) as Json) : {}
    return { status: response.status, headers: response.headers, json }
  }
}

export type Caller = (
  path: string,
  request?: {
    readonly body?: object | string
    readonly headers?: Readonly<Record<string, string>>
    readonly method?: string
    readonly address?: string
    readonly signal?: AbortSignal
  },
) => Promise<{ readonly status: number; readonly headers: Headers; readonly json: Json }>
