import {
  createSessionTokens,
  type SessionTokenOptions,
} from '../../../src/identity/create-session-tokens.ts'
import type { KeptIdentity } from '../../../src/identity/kept-identity.ts'
import type { SessionTokens } from '../../../src/identity/session-token.ts'
import type { SessionTokenTerms } from '../../../src/identity/session-token-terms.ts'

export const now = new Date('2026-03-01T12:00:00.000Z')
export const hourMs = 3_600_000
export const publicUrl = 'https://gate.example.com'
export const issuer = 'https://issuer.example'
export const secret = 'a secret of thirty-two characters'
export const otherSecret = 'another of thirty-two characters.'

export const terms: SessionTokenTerms = {
  integration: 'sso',
  isEnabled: true,
  issuer,
  fingerprint: 'Ab-_09',
  groups: new Set(['readers', 'writers', 'blocked']),
  unfitKinds: new Set(),
}

export function sessionTokens(more: Partial<SessionTokenOptions> = {}): SessionTokens {
  return createSessionTokens({
    secrets: [secret],
    keyLifetimeMs: 24 * hourMs,
    tokenLifetimeMs: hourMs,
    publicUrl,
    terms: [terms],
    ...more,
  })
}

export function identity(more: Partial<KeptIdentity> = {}): KeptIdentity {
  return {
    integration: 'sso',
    kind: 'id_token',
    issuer,
    subject: 'auth0|alice',
    names: ['alice@example.com'],
    groups: ['readers'],
    expiresAt: now.getTime() + 8 * hourMs,
    issuedAt: now.getTime() - 5_000,
    ...more,
  }
}

export function later(ms: number): Date {
  return new Date(now.getTime() + ms)
}

/** The two readable parts of a token. */
export function partsOf(token: string): readonly Record<string, unknown>[] {
  return token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>)
}
