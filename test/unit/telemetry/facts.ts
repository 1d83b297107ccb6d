import type { SessionEnd, SessionFacts } from '../../../src/session/observer.ts'

export const issuer = 'https://auth.example.com'

export const opened: SessionFacts = {
  id: 'gw0-0000002a',
  openedAt: new Date('2026-01-02T03:04:05Z'),
  peer: { address: '192.0.2.7', port: 50123 },
  listener: { address: '198.51.100.1', port: 6432 },
}

export const asked: SessionFacts = {
  ...opened,
  pool: 'sso_pool',
  tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' },
  requested: { user: 'id_token', database: 'sandbox', applicationName: 'psql' },
  credential: 'token',
}

export const verified: SessionFacts = {
  ...asked,
  integration: 'sso_m2m',
  identity: {
    issuer,
    subject: 'auth0|alice',
    principal: 'alice',
    names: ['alice'],
    groups: ['readonly', 'readwrite'],
    expiresAt: new Date(Date.now() + 600_000),
    issuedAt: new Date(Date.now() - 1_000),
    sid: undefined,
    tokenIdHash: 'c0ffee',
    actors: [],
  },
  role: 'app_readwrite',
  upstreamProcessId: 4711,
}

export const end: SessionEnd = {
  reason: 'client-closed',
  bytesFromFrontend: 123,
  bytesFromUpstream: 456,
  durationMs: 7890,
}

/** Two JWTs and an opaque token, as somebody careless could put them into a message. */
export const secret = 'c2VjcmV0LXNpZ25hdHVyZQ'
export const jwt = `eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJhbGljZSJ9.${secret}`
export const opaque = `opaque-access-${secret}`
