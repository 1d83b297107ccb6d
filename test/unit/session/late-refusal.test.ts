import { expect, test } from 'vitest'
import { LateRefusal } from '../../../src/identity/late-refusal.ts'
import type { TokenIdentity } from '../../../src/identity/token-identity.ts'
import { type Reason, Refusal } from '../../../src/refusal.ts'
import { admitToken } from '../../../src/session/admit-token.ts'
import { type Attempt } from '../../../src/session/attempt.ts'
import { readIntent } from '../../../src/session/client-intent.ts'
import { catalogOf, database, group, integration, issuer } from '../policy/catalogs.ts'

const catalog = catalogOf({
  databases: [database('system', { integrations: ['cockroachdb'] }), database('app')],
  integrations: [
    integration('cockroachdb', {
      clientId: undefined,
      dialect: 'cockroachdb',
      mapsPrincipal: true,
    }),
  ],
  groups: [group('readers', 'app_reader'), group('writers', 'app_writer')],
})

function attemptAs(user: string, where: string, report?: Attempt['report']): Attempt {
  const parameters = { user, database: where, options: '--crdb:jwt_auth_enabled=true' }
  return {
    catalog,
    ...(report && { report }),
    intent: readIntent({
      ...{ kind: 'startup', minorVersion: 0, protocolOptions: [] },
      parameters: new Map(Object.entries(parameters)),
    }),
    facts: {
      ...{ id: 'id', openedAt: new Date(0) },
      ...{ peer: { address: '::1', port: 1 }, listener: { address: '::1', port: 2 } },
    },
  }
}

/** What comes of a verifier that refuses late. */
async function outcomeOf(
  user: string,
  where: string,
  reason: Reason,
  { names = ['alice', 'root'], report }: { names?: string[]; report?: Attempt['report'] } = {},
): Promise<unknown> {
  const identity: TokenIdentity = {
    ...{ integration: 'cockroachdb', issuer, subject: 's', names, groups: [] },
    ...{
      expiresAt: new Date(0),
      goodUntil: new Date(0),
      issuedAt: undefined,
      sid: undefined,
      tokenIdHash: undefined,
    },
    ...{ kind: 'id_token', certificateThumbprint: undefined, actors: [] },
  }
  const verify = async (): Promise<never> =>
    Promise.reject(new LateRefusal(new Refusal(reason), identity))
  const tokens = new Map([['cockroachdb', { verify }]])
  return admitToken(attemptAs(user, where, report), 'token', tokens, new Date(0)).then(
    () => 'admitted',
    (error: unknown) => (error instanceof Refusal ? error.reason : error),
  )
}

test.each<[string, string, Reason, Reason]>([
  ['alice', 'app', 'token-audience', 'token-audience'],
  ['', 'app', 'token-audience', 'role-not-allowed'],
  ['bob', 'app', 'token-audience', 'role-not-allowed'],
  ['root', 'app', 'token-audience', 'role-reserved'],
  ['alice', 'nowhere', 'token-audience', 'token-audience'],
  ['app_reader', 'app', 'token-audience', 'role-not-allowed'],
  ['alice', 'app', 'userinfo-unavailable', 'userinfo-unavailable'],
  ['bob', 'app', 'userinfo-unavailable', 'role-not-allowed'],
  ['app_reader', 'app', 'userinfo-unavailable', 'userinfo-unavailable'],
])('%j in %s with a late %s is refused: %s', async (user, where, late, reason) => {
  expect(await outcomeOf(user, where, late)).toBe(reason)
})

test('a principal that may be nobody is refused for it, whatever groups userinfo might have told', async () => {
  const names = ['a'.repeat(64)]
  expect(await outcomeOf('app_reader', 'app', 'userinfo-unavailable', { names })).toBe(
    'principal-unmapped',
  )
})

test('a bug that shows meanwhile is not hidden by the refusal', async () => {
  const bug = new Error('a bug')
  const report = ({ check }: { check: string }): void => {
    if (check === 'role') throw bug
  }
  expect(await outcomeOf('alice', 'app', 'token-audience', { report })).toBe(bug)
})
