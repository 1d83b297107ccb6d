// Sign-in with a browser by way of our own pages, while a stock client waits: authorization code flow.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answers } from '../../demo/answers.ts'
import { freePort } from '../../demo/ports.ts'
import { hasPsql } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { WebBrowser } from '../support/web-browser.ts'
import { type ErrorFields, WireClient } from '../support/wire-client.ts'

let stack: Stack
let publicUrl: string

beforeAll(async () => {
  const port = await freePort()
  publicUrl = `https://localhost:${port}`
  stack = await Stack.start({
    clients: [webClient(publicUrl)],
    configure: (config) => {
      config.workers = 2
      config['web'] = { public_url: publicUrl, listen_port: port }
      config.integrations['web'] = {
        ...config.integrations['people'],
        client_id: 'portcullis-web',
        client_secret: 'a secret of the pages',
        additional_scopes: ['email', 'profile'],
      }
      config.databases['system']!['integrations'] = ['people', 'machines', 'web']
      const pool = config.connectivity_pools['sso_pool']!
      pool['sso_integration'] = 'web'
      pool['sso_flows'] = ['authorizationCode']
      config.timeouts['sign_in'] = '15s'
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

function webClient(address: string): Record<string, unknown> & { client_id: string } {
  return {
    client_id: 'portcullis-web',
    client_secret: 'a secret of the pages',
    client_name: 'Portcullis',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    redirect_uris: [`${address}/sign-in/callback`],
  }
}

interface Waiting {
  readonly psql: ChildProcess
  readonly heard: () => string
  readonly address: string
  readonly code: string
  readonly output: Promise<string>
}

/** psql, as far as the notice. */
async function begin(settings: Readonly<Record<string, string>> = {}): Promise<Waiting> {
  const psql = spawn('psql', ['-X', '-At', '-c', 'select session_user'], {
    env: { ...stack.environment(''), PGCONNECT_TIMEOUT: '30', PGUSER: 'sso', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let heard = ''
  psql.stderr.setEncoding('utf8').on('data', (chunk: string) => (heard += chunk))
  const output = text(psql.stdout)
  await until('the notice', () => heard.includes('HINT'))
  const [, address = '', code = ''] = /sign in at (\S+) and .* code (\S+)/.exec(heard) ?? []
  return { psql, heard: () => heard, address, code, output }
}

interface Invited {
  readonly client: WireClient
  readonly address: string
}

/** A client that waits, without psql. */
async function invite(parameters: Readonly<Record<string, string>> = {}): Promise<Invited> {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  client.startup({ user: 'sso', database: 'sandbox', ...parameters })
  const { body } = await client.readUntil('N')
  const [address = ''] = /https:[^ ]+/.exec(body.toString()) ?? []
  return { client, address }
}

const alice = 'Alice Archer (alice@example.com)'
const isCallback = ({ pathname }: URL): boolean => pathname === '/sign-in/callback'
const isAuthorization = ({ pathname }: URL): boolean => pathname === '/auth'

/** Signs in as alice, but does not come back: where the provider sends the browser. */
async function almost(me: WebBrowser, address: string): Promise<URL> {
  await me.open(address)
  await me.press('Continue to sign in')
  await me.press(alice, isCallback)
  const back = me.leadsTo
  if (back === undefined) throw new Error(me.text)
  return back
}

async function admitted({ client }: Invited): Promise<boolean> {
  const { type } = await client.readUntil('Z')
  client.destroy()
  return type === 'Z'
}

async function refusal({ client }: Invited): Promise<ErrorFields> {
  const fields = await client.readUntilError()
  client.destroy()
  return fields
}

/** It still waits, and whoever signs in is let in. */
async function stillWaits(invited: Invited, me: WebBrowser): Promise<void> {
  await me.open(await almost(me, invited.address))
  expect(me.text).toContain('You are signed in')
  expect(await admitted(invited)).toBe(true)
}

const failed = {
  sqlstate: '08006',
  message: 'identity provider for pool "sso_pool" is unavailable',
  detail: expect.stringMatching(/^The log of the gateway has more under session /) as string,
}

function browser(): WebBrowser {
  return new WebBrowser(stack.authority.certificate)
}

describe.runIf(hasPsql())('psql', () => {
  test('as user sso is let in as the role of whoever signs in on the page that shows who asks', async () => {
    const { heard, address, code, output } = await begin({ PGAPPNAME: 'my <b>laptop</b>' })
    expect(address).toMatch(new RegExp(`^${publicUrl}/sign-in/[\\w-]{32}$`))
    expect(heard()).toContain('asks for database "sandbox"')
    const me = browser()
    await me.open(address)
    expect(me.status).toBe(200)
    expect(me.text).toContain(code)
    expect(me.text).toContain('“my <b>laptop</b>”')
    expect(me.page.body).not.toContain('<b>')
    expect(me.text).toContain('“127.0.0.1”')
    await me.press('Continue to sign in')
    await me.press('Alice Archer (alice@example.com)')
    expect(me.page.url.href).toBe(address)
    expect(me.text).toContain('You are signed in')
    expect(me.text).toContain('“app_readwrite”')
    expect(me.text).toContain('“alice”')
    expect(await output).toBe('app_readwrite\n')
  })

  test('may name the role that it wants to be, with handshake=SSO', async () => {
    const { address, output } = await begin({
      PGUSER: 'app_readonly',
      PGOPTIONS: '-c handshake=SSO -c ssoOAuthFlow=authorizationCode',
    })
    const me = browser()
    await me.open(await almost(me, address))
    expect(me.text).toContain('“app_readonly”')
    expect(await output).toBe('app_readonly\n')
  })

  test('that is given up ends its page at once', async () => {
    const { psql, address } = await begin()
    psql.kill('SIGINT')
    await once(psql, 'close')
    const me = browser()
    await until('the page to be over', async () => {
      await me.open(address)
      return me.status === 410
    })
    await until(
      'the place to be free',
      async () => (await stack.metric('portcullis_connections_open')) === 0,
    )
  })
})

describe('whoever signs in', () => {
  test('must be mapped to the user that the client named, and both are told', async () => {
    const invited = await invite({
      user: 'postgres',
      handshake: 'SSO',
      ssoOAuthFlow: 'authorizationcode',
    })
    const me = browser()
    await me.open(await almost(me, invited.address))
    expect(me.status).toBe(403)
    const message = 'identity "alice" may not log in as user "postgres"'
    expect(me.text).toContain(message)
    expect(await refusal(invited)).toMatchObject({ sqlstate: '28000', message })
  })

  test('may refuse at the provider', async () => {
    const invited = await invite()
    const me = browser()
    await me.open(invited.address)
    await me.press('Continue to sign in')
    await me.press('Cancel')
    expect(me.status).toBe(403)
    expect(me.text).toContain('the sign-in was denied')
    expect(await refusal(invited)).toMatchObject({ message: 'the sign-in was denied' })
  })

  test('may say that it was not them, and the address is of no use any more', async () => {
    const invited = await invite()
    const me = browser()
    await me.open(invited.address)
    await me.press('This was not me')
    expect(me.text).toContain('Nobody was let in')
    expect(await refusal(invited)).toMatchObject({
      message: 'the sign-in was refused by somebody who did not begin it',
    })
    await me.open(invited.address)
    expect(me.status).toBe(410)
  })

  test('may begin again in the same browser', async () => {
    const invited = await invite()
    const me = browser()
    await me.open(invited.address)
    await me.press('Continue to sign in', isAuthorization)
    const first = me.leadsTo?.searchParams.get('state')
    await me.open(invited.address)
    await me.press('Continue to sign in', isAuthorization)
    expect(me.leadsTo?.searchParams.get('state')).not.toBe(first)
    await me.open(`${publicUrl}/sign-in/callback?code=any&state=${first ?? ''}`)
    expect(me.status).toBe(404)
    await stillWaits(invited, me)
  })

  test('is recorded with the address of the browser', async () => {
    const invited = await invite({ application_name: 'recorded' })
    await stillWaits(invited, browser())
    await until('the audit record', async () =>
      (await stack.audit()).some(({ unmapped: { portcullis: one } }) => {
        const { sign_in_flow: flow, browser_address: from } = one
        return flow === 'authorizationCode' && from === '127.0.0.1'
      }),
    )
  })
})

describe('an attacker', () => {
  test('who sends somebody else to the provider is not let in by their sign-in', async () => {
    const invited = await invite()
    const [attacker, victim] = [browser(), browser()]
    await attacker.open(invited.address)
    await attacker.press('Continue to sign in', isAuthorization)
    await victim.open(attacker.leadsTo ?? '')
    await victim.press(alice)
    expect(victim.page.url.pathname).toBe('/sign-in/callback')
    expect(victim.status).toBe(403)
    expect(victim.text).toContain('another browser')
    expect(await refusal(invited)).toMatchObject({
      message: 'the sign-in was completed in another browser than the one that began it',
    })
    await attacker.open(victim.page.url)
    expect(attacker.status).toBe(404)
    await attacker.open(invited.address)
    expect(attacker.text).not.toContain('You are signed in')
  })

  test('who was too late cannot take it over, and whoever has it can be stopped', async () => {
    const invited = await invite()
    const [first, second] = [browser(), browser()]
    await first.open(invited.address)
    await second.open(invited.address)
    await first.press('Continue to sign in', isAuthorization)
    await second.press('Continue to sign in')
    expect(second.status).toBe(409)
    expect(second.text).toContain('Another browser has begun')
    expect(second.text).not.toContain('Continue to sign in')
    await second.press('This was not me')
    expect(second.text).toContain('Nobody was let in')
    await refusal(invited)
  })

  test.each([
    ['a state that nobody gave out', '?code=any&state=made-up', 404],
    ['no state', '?code=any', 400],
    ['two states', '?code=any&state=a&state=b', 400],
    ['a query that is too long', `?code=${'x'.repeat(9_000)}&state=a`, 400],
  ])('comes to nothing with %s', async (_, query, status) => {
    const invited = await invite()
    const me = browser()
    await me.open(invited.address)
    await me.press('Continue to sign in', isAuthorization)
    await me.open(`${publicUrl}/sign-in/callback${query}`)
    expect(me.status).toBe(status)
    await stillWaits(invited, me)
  })

  test('cannot use an answer of the provider a second time', async () => {
    const invited = await invite()
    const me = browser()
    const back = await almost(me, invited.address)
    await me.open(back)
    expect(await admitted(invited)).toBe(true)
    await me.open(back)
    expect(me.status).toBe(404)
  })

  test.each([
    [
      'of another issuer',
      (back: URL) => {
        back.searchParams.set('iss', 'https://evil.example')
      },
    ],
    [
      'without the issuer that the provider announces',
      (back: URL) => {
        back.searchParams.delete('iss')
      },
    ],
    [
      'without a code',
      (back: URL) => {
        back.searchParams.delete('code')
      },
    ],
    [
      'with two codes',
      (back: URL) => {
        back.searchParams.append('code', 'another')
      },
    ],
  ])('cannot bring an answer %s', async (_, change) => {
    const invited = await invite()
    const me = browser()
    const back = await almost(me, invited.address)
    change(back)
    const asked = stack.provider.requestsFor('/token')
    await me.open(back)
    expect(me.status).toBe(503)
    expect(me.text).toContain('The log of the gateway has more')
    expect(await refusal(invited)).toMatchObject(failed)
    expect(stack.provider.requestsFor('/token')).toBe(asked)
  })

  test('cannot put a code that was issued to somebody else into an own sign-in', async () => {
    const [mine, theirs] = [await invite(), await invite()]
    const [me, victim] = [browser(), browser()]
    const [back, stolen] = [await almost(me, mine.address), await almost(victim, theirs.address)]
    back.searchParams.set('code', stolen.searchParams.get('code') ?? '')
    await me.open(back)
    expect(me.status).toBe(503)
    expect(await refusal(mine)).toMatchObject(failed)
    theirs.client.destroy()
  })

  test('learns nothing of a request whose address is not known', async () => {
    const me = browser()
    for (const id of ['x'.repeat(32), 'short', '', '../metrics', 'callback/x']) {
      await me.open(`${publicUrl}/sign-in/${id}`)
      expect(me.status).toBe(404)
    }
  })
})

describe('the page', () => {
  test('says what the client is told where the provider fails', async () => {
    const invited = await invite()
    const me = browser()
    const back = await almost(me, invited.address)
    const restore = stack.provider.intercept('/token', answers.status(500))
    await me.open(back)
    restore()
    expect(me.status).toBe(503)
    expect(await refusal(invited)).toMatchObject(failed)
  })

  test('says that time is up', async () => {
    const invited = await invite()
    const me = browser()
    await me.open(invited.address)
    await me.press('Continue to sign in', isAuthorization)
    expect(await refusal(invited)).toMatchObject({ message: 'nobody signed in within 15 seconds' })
    await me.open(invited.address)
    expect(me.status).toBe(410)
    expect(me.text).toContain('nobody signed in within 15 seconds')
    const another = browser()
    await another.open(invited.address)
    expect(another.status).toBe(410)
    expect(another.text).not.toContain('15 seconds')
  }, 40_000)

  test('is on another server than metrics', async () => {
    const me = browser()
    for (const path of ['/metrics', '/readiness', '/startup']) {
      await me.open(`${publicUrl}${path}`)
      expect(me.status).toBe(404)
    }
    const metrics = await fetch(`${stack.gateway.httpAddress}/sign-in/${'x'.repeat(32)}`)
    expect(await metrics.text()).toBe('not found\n')
  })

  test('has the certificate that is in its files now', async () => {
    const shown = async (): Promise<string> => {
      const socket = connect({ port: Number(new URL(publicUrl).port), rejectUnauthorized: false })
      await once(socket, 'secureConnect')
      const { fingerprint256 } = socket.getPeerCertificate()
      socket.destroy()
      return fingerprint256
    }
    const before = await shown()
    const next = await stack.authority.issue({ commonName: 'portcullis' })
    await writeFile(join(stack.folder, 'server.crt'), next.certificate)
    await writeFile(join(stack.folder, 'server.key'), next.key)
    await until('the new certificate', async () => (await shown()) !== before)
  })

  test('leaves no code, state, nonce or verifier in the log', async () => {
    const invited = await invite()
    const me = browser()
    await me.open(invited.address)
    await me.press('Continue to sign in', isAuthorization)
    const sent = me.leadsTo?.searchParams
    await me.open(me.leadsTo ?? '', isCallback)
    await me.press(alice, isCallback)
    const back = me.leadsTo
    await me.open(back ?? '')
    expect(await admitted(invited)).toBe(true)
    const secrets = [sent?.get('state'), sent?.get('nonce'), back?.searchParams.get('code')]
    const [, id] = /sign-in\/([\w-]{32})/.exec(invited.address) ?? []
    for (const secret of [...secrets, id]) {
      expect(secret).toMatch(/^[\w-]{16,}$/)
      expect(stack.gateway.log()).not.toContain(secret)
    }
  })
})
