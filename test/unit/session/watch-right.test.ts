import { expect, test } from 'vitest'
import type { Rechecks } from '../../../src/session/rechecks.ts'
import type { LiveSession } from '../../../src/session/registry.ts'
import { watchRight } from '../../../src/session/standing-right.ts'

type Watching = Parameters<typeof watchRight>

/** What would be asked of the provider about a session by such a token. */
function askedOf(principal: object): string | undefined {
  let asked: string | undefined
  const rechecks = {
    watch: (_: LiveSession, rechecked: { readonly token: string | undefined }) => {
      asked = rechecked.token
      return () => {}
    },
  } satisfies Pick<Rechecks, 'watch'>
  const rules = () => ({ rechecks: new Map([['sso', {}]]) })
  const subject = { token: 'the token', principal: { integration: 'sso', ...principal } }
  watchRight(
    {} as Watching[0],
    { kind: 'token', subject } as unknown as Watching[1],
    { rechecks, rules } as unknown as Watching[2],
  )
  return asked
}

test('a provider is asked about its access tokens, and sent nothing else', () => {
  expect(askedOf({ kind: 'access_token' })).toBe('the token')
  expect(askedOf({ kind: 'at+jwt' })).toBe('the token')
  expect(askedOf({ kind: 'id_token' })).toBeUndefined()
  expect(askedOf({ kind: 'access_token', sessionToken: { bounds: {} } })).toBeUndefined()
})
