import { createSealer } from '../../src/web/sealer.ts'
import { sessionCookie, sessionPurpose } from '../../src/web/people/visit.ts'
import type { WebServices } from '../../src/web/services.ts'
import type { WebSession } from '../../src/web/visitor.ts'
import type { WebRules } from '../../src/web/web-rules.ts'

export const publicUrl = 'https://gate.example.com'
const secret = 'a secret of at least thirty-two characters'

/** What a test does not replace must not be asked for. */
export function webServices(replaced: Partial<WebServices> = {}): WebServices {
  const now = replaced.now ?? (() => new Date())
  return {
    publicUrl,
    nodeUrl: publicUrl,
    isBehindProxy: false,
    rules: () => unexpected('rules'),
    sealer: createSealer([secret], now),
    tokens: undefined,
    signIn: async () => Promise.resolve({ kind: 'unknown' }),
    isKeptOut: () => false,
    end: () => unexpected('end'),
    get fleet(): WebServices['fleet'] {
      return unexpected('fleet')
    },
    get catalog(): WebServices['catalog'] {
      return unexpected('catalog')
    },
    execute: () => unexpected('execute'),
    history: () => ({ intervalMs: 10_000, intervals: [] }),
    stopping: new AbortController().signal,
    tell: async () => {},
    get throttle(): WebServices['throttle'] {
      return unexpected('throttle')
    },
    draining: new AbortController().signal,
    now,
    onError: (error) => {
      throw error
    },
    ...replaced,
  }
}

/** The header of a browser in which somebody has signed in. */
export async function cookieOf(
  { sealer }: Pick<WebServices, 'sealer'>,
  session: WebSession,
): Promise<string> {
  return `${sessionCookie}=${await sealer.seal(sessionPurpose, session, session.expiresAt)}`
}

export function webSession(replaced: Partial<WebSession> = {}): WebSession {
  const now = Date.now()
  return {
    id: 'web-session',
    identity: {
      integration: 'main',
      kind: 'id_token',
      issuer: 'https://auth.example.com',
      subject: 'alice',
      names: ['alice@example.com'],
      groups: [],
      issuedAt: now,
      expiresAt: now + 3_600_000,
    },
    authenticatedAt: now,
    startedAt: now,
    expiresAt: now + 3_600_000,
    ...replaced,
  }
}

export function webRules(replaced: Partial<WebRules> & Pick<WebRules, 'catalog'>): WebRules {
  return {
    tokens: new Map(),
    providers: new Map(),
    buttons: [],
    isAutomatic: false,
    shownTokens: new Map(),
    sessionLifetimeMs: 3_600_000,
    stepUp: { requiredAcr: [], maxAgeMs: undefined },
    endpoints: [],
    rootCertificate: undefined,
    throttled: new Set(),
    offer: { tlsMinVersion: 'TLSv1.2', pools: [], integrations: [] },
    ...replaced,
  }
}

function unexpected(what: string): never {
  throw new Error(`${what} is not to be asked for`)
}
