// Portcullis with a real Keycloak, psql and PostgreSQL.
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readUnverified } from '../../src/identity/token-shape.ts'
import { until } from '../support/until.ts'
import { passwordOfAll, secrets } from './keycloak/realm.ts'
import { type Scene, startFront, startScene } from './keycloak/scene.ts'
import {
  type Answering,
  beginPsql,
  browserFor,
  check,
  connect,
  logInOnDevice,
  programToken,
  reasonOfLast,
  signIn,
  signInOnPage,
  type SignedIn,
} from './support/clients.ts'
import { homes } from './support/homes.ts'
import { answerProvider, type ProviderPages } from './support/person.ts'

const pages: ProviderPages = {
  ...{ name: 'username', password: 'password', signIn: 'Sign In', agree: 'Yes' },
}
const as =
  (name: string): Answering =>
  async (me, isBack) =>
    answerProvider(me, pages, { name, password: passwordOfAll }, isBack)

let scene: Scene

describe.skipIf(homes.keycloak === '')('Keycloak', () => {
  beforeAll(async () => {
    scene = await startScene()
    await scene.stack.keysFetched()
  })

  afterAll(async () => {
    await scene.stack[Symbol.asyncDispose]()
    await scene.keycloak[Symbol.asyncDispose]()
  })

  async function signInAs(name: string): Promise<SignedIn> {
    const { issuer } = scene.keycloak
    return signIn(scene.stack, { issuer, scopes: ['openid', 'email', 'profile'] }, as(name))
  }

  async function machineToken(id: 'batch' | 'slim'): Promise<string> {
    return programToken(scene.stack, scene.keycloak.issuer, id, secrets[id])
  }

  test('has nothing amiss, as portcullis check sees it', async () => {
    const findings = await check(scene.stack)
    expect(findings.length).toBeGreaterThan(10)
    expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([])
  })

  test('signs people in by the authorization code, and their groups are roles', async () => {
    const { stack } = scene
    const [alice, bob] = await Promise.all([signInAs('alice'), signInAs('bob')])
    const user = { PGUSER: 'id_token' }
    expect(await connect(stack, alice.grant.token, user)).toMatchObject({
      stdout: 'app_readwrite\n',
    })
    expect(await connect(stack, bob.grant.token, user)).toMatchObject({ stdout: 'app_readonly\n' })
    const denied = await connect(stack, bob.grant.token, { PGUSER: 'app_readwrite' })
    expect(denied.stderr).toContain('may not log in as user "app_readwrite"')

    const again = await alice.refresh()
    expect(again?.token).not.toBe(alice.grant.token)
    expect(await connect(stack, again?.token ?? '', user)).toMatchObject({
      stdout: 'app_readwrite\n',
    })
    await alice.revoke(again!)
    expect(await alice.refresh(again)).toBeUndefined()
  })

  test('signs people in on our pages, while psql waits', async () => {
    const waiting = await beginPsql(scene.stack, 'select 1', {})
    await signInOnPage(scene.stack, waiting, as('alice'))
    expect(await waiting.output).toBe('app_readwrite\n1\n')
  })

  // The clients demand a code challenge, of devices too.
  test('signs people in on another device, while psql waits', async () => {
    const options = { PGOPTIONS: '-c ssoOAuthFlow=deviceGrant' }
    const waiting = await beginPsql(scene.stack, 'select 1', options)
    const me = browserFor(scene.stack)
    await me.open(waiting.address)
    await as('bob')(me)
    expect(await waiting.output).toBe('app_readonly\n1\n')
  })

  test('signs people in for portcullis login, by the code that it shows', async () => {
    const { stack, publicUrl } = scene
    expect(await logInOnDevice(stack, publicUrl, as('alice'))).toBe('app_readwrite\n')
  })

  test('gives programs tokens of their own, for the audience that its mapper adds', async () => {
    const token = await machineToken('batch')
    expect(await connect(scene.stack, token)).toMatchObject({ stdout: 'app_readonly\n' })
    const { code } = await connect(scene.stack, token, { PGUSER: 'id_token' })
    expect(code).not.toBe(0)
  })

  test('is asked about lightweight access tokens, which say next to nothing themselves', async () => {
    const token = await machineToken('slim')
    expect(readUnverified(token)?.claims).not.toHaveProperty('aud')
    const settings = { PGUSER: 'access_token', PGDATABASE: 'asking' }
    expect(await connect(scene.stack, token, settings)).toMatchObject({
      stdout: 'app_readonly\n',
    })
    const forged = await connect(scene.stack, `${token.slice(0, -4)}AAAA`, settings)
    expect(forged.code).not.toBe(0)
    expect(await reasonOfLast(scene.stack)).toBe('token-inactive')
  })

  test('exchanges a token for one that is for the upstream', async () => {
    const front = await startFront(scene)
    try {
      const token = await machineToken('batch')
      const direct = await connect(scene.stack, token, { PGDATABASE: 'warehouse' })
      expect(direct.code).not.toBe(0)
      const through = await connect(scene.stack, token, { PGPORT: String(front.port) })
      expect(through).toMatchObject({ stdout: 'app_readonly\n', stderr: '' })
    } finally {
      await front.stop()
    }
  })

  test('tells of a logout, which ends the sessions of whom it is about', async () => {
    const { stack, keycloak } = scene
    const [bob, alice] = await Promise.all(
      ['bob', 'alice'].map(async (name) => {
        const waiting = await beginPsql(stack, 'select pg_sleep(60)', {})
        await signInOnPage(stack, waiting, as(name))
        return waiting
      }),
    )
    await until('both are at work', async () => (await stack.activeStatements()) === 2)
    const ended = once(bob!.psql, 'close')
    await keycloak.signOut('bob')
    await ended
    expect(bob!.heard()).toContain('signed out at the identity provider')
    expect(await stack.activeStatements()).toBe(1)
    alice!.psql.kill('SIGINT')
    await once(alice!.psql, 'close')
    expect(alice!.heard()).toContain('canceling statement due to user request')
  })

  // The last one: half a minute is to be over since the keys were fetched.
  test('changes its keys, and tokens of both are good until the old ones are gone', async () => {
    const { stack, keycloak } = scene
    const kidOf = (token: string): unknown => readUnverified(token)?.header['kid']
    const old = await machineToken('batch')
    await keycloak.addKeys('later', 200)
    const late = await machineToken('batch')
    expect(kidOf(late)).not.toBe(kidOf(old))
    const isIn = async (token: string): Promise<boolean> => (await connect(stack, token)).code === 0
    await until('the new key is known', async () => isIn(late), 45_000)
    expect(await isIn(old)).toBe(true)

    await keycloak.removeKeys('rsa-generated')
    await stack.restartGateway()
    expect(await isIn(old)).toBe(false)
    expect(await reasonOfLast(stack)).toBe('token-unknown-key')
    expect(await isIn(late)).toBe(true)
  })
})
