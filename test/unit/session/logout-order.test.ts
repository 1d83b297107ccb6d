import { describe, expect, test } from 'vitest'
import type { Logout } from '../../../src/identity/verify-logout-token.ts'
import { orderFor, rememberedMs } from '../../../src/session/logout-order.ts'
import type { SessionFacts } from '../../../src/session/observer.ts'
import { selects } from '../../../src/session/session-selector.ts'
import { issuer, verified } from '../telemetry/facts.ts'

const at = 1_000_000

const logout: Logout = {
  issuer,
  subject: 'auth0|alice',
  sid: undefined,
  issuedAtMs: at,
  tokenIdHash: '',
  freshUntilMs: 0,
}

function session(changes: Partial<NonNullable<SessionFacts['identity']>>): SessionFacts {
  return { ...verified, identity: { ...verified.identity!, issuedAt: new Date(at), ...changes } }
}

function ends(told: Partial<Logout>, changes: Parameters<typeof session>[0] = {}): boolean {
  const { selectors } = orderFor({ ...logout, ...told }, new Date(at))
  return selectors.some((selector) => selects(selector, session(changes)))
}

const sid = 'sid-1'

describe('a logout', () => {
  test.each<[string, boolean, Partial<Logout>, Parameters<typeof session>[0]]>([
    ['of the subject ends what is theirs', true, {}, {}],
    ['of the subject ends every session at the provider', true, {}, { sid }],
    ['of the subject ends what says no time', true, {}, { issuedAt: undefined }],
    ['of the subject leaves what came later', false, {}, { issuedAt: new Date(at + 1_000) }],
    ['of the subject leaves others', false, {}, { subject: 'auth0|bob' }],
    [
      'of the subject leaves namesakes elsewhere',
      false,
      {},
      { issuer: 'https://other.example.com' },
    ],
    ['of a session ends it', true, { sid }, { sid }],
    ['of a session ends it, whatever its time', true, { sid }, { sid, issuedAt: new Date(at + 9) }],
    ['of a session ends what tells none, of the same person', true, { sid }, {}],
    ['of a session leaves others of the same person', false, { sid }, { sid: 'sid-2' }],
    ['of a session leaves those of others', false, { sid }, { sid, subject: 'auth0|bob' }],
    ['of a session alone ends it', true, { sid, subject: undefined }, { sid }],
    ['of a session alone leaves what tells none', false, { sid, subject: undefined }, {}],
    [
      'of a session leaves later ones that tell none',
      false,
      { sid },
      { issuedAt: new Date(at + 9) },
    ],
    [
      'of a session leaves it elsewhere',
      false,
      { sid },
      { sid, issuer: 'https://other.example.com' },
    ],
  ])('%s', (_, isEnded, told, changes) => {
    expect(ends(told, changes)).toBe(isEnded)
  })

  test('is remembered for a day', () => {
    expect(orderFor(logout, new Date(5))).toMatchObject({
      end: 'logged-out',
      refusedUntilMs: 5 + rememberedMs,
    })
  })
})
