// Sign-in with a browser while a stock client waits: the provider's own device grant.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasPsql } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { type ErrorFields, errorFields, WireClient } from '../support/wire-client.ts'

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      config.connectivity_pools['sso_pool']!['sso_integration'] = 'people'
      config.integrations['people']!['additional_scopes'] = ['email', 'profile']
      config.timeouts['sign_in'] = '10s'
      config.limits['max_sign_ins'] = 2
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

const flow = '-c handshake=SSO -c ssoOAuthFlow=deviceGrant'

interface Waiting {
  readonly psql: ChildProcess
  readonly heard: () => string
  readonly code: string
  readonly output: Promise<string>
}

/** psql, as far as the notice. */
async function begin(settings: Readonly<Record<string, string>>): Promise<Waiting> {
  const psql = spawn('psql', ['-X', '-At', '-c', 'select session_user'], {
    env: { ...stack.environment(''), PGCONNECT_TIMEOUT: '30', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let heard = ''
  psql.stderr.setEncoding('utf8').on('data', (chunk: string) => (heard += chunk))
  const output = text(psql.stdout)
  await until('the notice', () => heard.includes('HINT'))
  const [, code = ''] = /shows the code (\S+)/.exec(heard) ?? []
  return { psql, heard: () => heard, code, output }
}

describe.runIf(hasPsql())('psql', () => {
  test('as user sso reads where to sign in and who asks, and goes on as the role of its group', async () => {
    const { heard, code, output } = await begin({ PGUSER: 'sso', PGAPPNAME: 'my laptop' })
    expect(heard()).toMatch(/^NOTICE: {2}sign in at https:\/\/localhost:\d+\/device\?user_code=/)
    expect(heard()).toContain('my laptop at 127.0.0.1 asks for database "sandbox"')
    expect(heard()).toContain('Approve it only if you began it yourself.')
    await stack.provider.approveDevice(code, 'alice')
    expect(await output).toBe('app_readwrite\n')
    await until('the audit record', async () =>
      (await stack.audit()).some(
        ({ unmapped: { portcullis: one } }) =>
          one['auth_method'] === 'sign-in' && one['subject'] === 'alice',
      ),
    )
  })

  test('may name the role that it wants to be, with handshake=SSO', async () => {
    const { code, output } = await begin({
      PGUSER: 'app_readonly',
      PGOPTIONS: flow,
    })
    await stack.provider.approveDevice(code, 'alice')
    expect(await output).toBe('app_readonly\n')
  })

  test('is refused when the identity may not be the role that it named', async () => {
    const { psql, heard, code } = await begin({ PGUSER: 'postgres', PGOPTIONS: flow })
    await stack.provider.approveDevice(code, 'alice')
    await once(psql, 'close')
    expect(heard()).toContain('may not log in as user "postgres"')
  })

  test('that is given up frees its place at once', async () => {
    for (let round = 0; round < 3; round++) {
      const waiting = [await begin({ PGUSER: 'sso' }), await begin({ PGUSER: 'sso' })]
      expect(await stack.metric('portcullis_sign_ins_waiting')).toBe(2)
      for (const { psql } of waiting) {
        psql.kill('SIGINT')
        await once(psql, 'close')
      }
      await until(
        'the places to be free',
        async () => (await stack.metric('portcullis_connections_open')) === 0,
      )
      expect(await stack.metric('portcullis_sign_ins_waiting')).toBe(0)
      expect(await stack.metric('portcullis_connections_unauthenticated')).toBe(0)
    }
  })
})

describe('a client that waits', () => {
  async function invited(): Promise<WireClient> {
    const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    client.startup({ user: 'sso', database: 'sandbox' })
    return client
  }

  async function afterNotice(client: WireClient): Promise<ErrorFields> {
    expect((await client.read()).type).toBe('R')
    expect((await client.read()).type).toBe('N')
    return errorFields(await client.read())
  }

  test('is told after a while that nobody signed in', async () => {
    expect(await afterNotice(await invited())).toMatchObject({
      sqlstate: '28000',
      message: 'nobody signed in within 10 seconds',
      hint: expect.stringContaining('A client that shows no notices') as string,
    })
  }, 30_000)

  test('is told when there are too many of them', async () => {
    const waiting = [await invited(), await invited()]
    for (const client of waiting) await client.readUntil('N')
    const third = await invited()
    expect(await third.readError()).toMatchObject({ sqlstate: '53300' })
    for (const client of waiting) client.destroy()
  })
})
