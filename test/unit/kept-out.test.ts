import { createHash } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import type { ReadSessionToken } from '../../src/identity/session-token.ts'
import { KeptOut } from '../../src/kept-out.ts'
import type { EndOrder } from '../../src/session/revocations.ts'
import type { SessionSelector } from '../../src/session/session-selector.ts'
import { catalogOf } from './policy/catalogs.ts'

const now = new Date('2026-03-01T12:00:00.000Z')
let orders: readonly EndOrder[] = []
const keptOut = new KeptOut({
  catalog: () => catalogOf({}),
  standingOrders: () => orders,
  onFailure: () => {},
  now: () => now,
})

afterAll(() => {
  keptOut.close()
})

const read: ReadSessionToken = {
  id: 'its-own-id',
  identity: {
    ...{ integration: 'sso', kind: 'id_token', issuer: 'https://a.example', subject: 'alice' },
    ...{ names: ['alice'], groups: [], expiresAt: now.getTime() + 1_000, issuedAt: undefined },
    tokenIdHash: 'ab'.repeat(6),
  },
  bounds: {},
  expiresAt: now.getTime() + 1_000,
}

const hashOf = (id: string): string => createHash('sha256').update(id).digest('hex')

test.each([
  ['its own id', { tokenIdHash: hashOf('its-own-id') }, true],
  ['the id of the token that it was made of', { tokenIdHash: 'ab'.repeat(32) }, true],
  ['its subject', { subject: 'alice' }, true],
  ['the id of another', { tokenIdHash: hashOf('another-id') }, false],
  ['the subject of another', { subject: 'bob' }, false],
  ['no address', { address: '0.0.0.0/0' }, false],
] as readonly (readonly [string, SessionSelector, boolean])[])(
  'a session token that is brought back is kept out by %s, or not',
  (_, selector, isOut) => {
    orders = [{ selectors: [selector], end: 'revoked', refusedUntilMs: now.getTime() + 1_000 }]
    expect(keptOut.hasToken(read)).toBe(isOut)
  },
)
