// What two replicas are behind each load balancer that docs/load-balancers.md has a configuration for.
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../demo/ports.ts'
import { addPages, alice, clientOfPages } from '../support/pages.ts'
import { psql, startPsql } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { WebBrowser } from '../support/web-browser.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'
import { type Front, type FrontKind, isListening, type Ports } from './front.ts'
import { comeFrom, type Elsewhere } from './from-elsewhere.ts'
import { choosePortsFor, listenOn, type Replica, startReplica } from './replicas.ts'

/** The only address of which clients are served; all that the front itself does is from another. */
const clientAddress = '127.0.0.2'

export function testBehind(kind: FrontKind): void {
  describe.skipIf(kind.whyNot !== undefined)(`behind ${kind.name}`, () => {
    tests(kind)
  })
}

function tests(kind: FrontKind): void {
  const belongings = new AsyncDisposableStack()
  let stack: Stack
  let other: Replica
  let front: Front
  let sessionsPort: number
  let client: Elsewhere
  let publicUrl: string

  beforeAll(async () => {
    const [ports, otherPorts] = (await choosePortsFor(2)) as [Ports, Ports]
    const pagesPort = await freePort()
    sessionsPort = await freePort()
    client = belongings.use(await comeFrom(clientAddress, () => sessionsPort))
    const browsers = belongings.use(await comeFrom(clientAddress, () => pagesPort))
    publicUrl = `https://localhost:${browsers.port}`
    stack = belongings.use(
      await Stack.start({
        clients: [clientOfPages(publicUrl)],
        configure: (config) => {
          addPages(config, publicUrl, ports.pages)
          Object.assign(config['web'] as object, { behind_proxy: kind.endsTlsOfPages })
          listenOn(config, ports)
          config['trusted_proxies'] = ['127.0.0.1']
          config.connectivity_pools['sso_pool']!['source_address'] = `${clientAddress}/32`
          // Longer than any of them takes to see it.
          Object.assign(config.timeouts, { drain_delay: '5s', drain: '30s' })
        },
      }),
    )
    other = belongings.use(await startReplica(stack, otherPorts))
    const tls = await stack.authority.issue({ commonName: 'pages' })
    const replicas = [ports, other.ports]
    const options = { folder: stack.folder, replicas, sessionsPort, pagesPort, tls }
    front = belongings.use(await kind.start(options))
    await bothIn()
  })

  afterAll(async () => belongings.disposeAsync())

  async function bothIn(): Promise<void> {
    await until(
      'both replicas to be in',
      async () => !(await front.isOut(0)) && !(await front.isOut(1)),
    )
  }

  async function environment(port = client.port): Promise<NodeJS.ProcessEnv> {
    return { ...stack.environment(await stack.token()), PGPORT: String(port) }
  }

  async function logIn(): Promise<WireClient> {
    const ca = stack.authority.certificate
    const session = await WireClient.connectSecurely(client.port, ca)
    const asked = { user: 'app_readonly', database: 'sandbox' }
    const first = await session.logIn(asked, await stack.token())
    if (first.type === 'E') throw new Error(errorFields(first).message)
    await session.readUntil('Z')
    return session
  }

  async function open(gateway = stack.gateway): Promise<number> {
    return stack.metric('portcullis_sessions_open', {}, gateway)
  }

  async function sessionsAtBoth(): Promise<readonly WireClient[]> {
    const sessions = [await logIn()]
    await until('both to have a session', async () => {
      sessions.push(await logIn())
      return (await open()) > 0 && (await open(other.gateway)) > 0
    })
    return sessions
  }

  test('a pool knows psql by the address that it comes from', async () => {
    const served = await psql(await environment(), 'select current_user')
    expect(served).toMatchObject({ code: 0, stdout: 'app_readonly\n' })
    const refused = await psql(await environment(sessionsPort), 'select 1')
    expect(refused.stderr).toContain('no entry for host "127.0.0.1"')
  })

  test('somebody signs in on the pages, from where the browser is', async () => {
    const me = new WebBrowser(stack.authority.certificate)
    await me.open(`${publicUrl}/oidc/v1/login`)
    await me.press(alice)
    await me.open(`${publicUrl}/login`)
    expect(me.text).toContain('You are signed in as')
    const visit = (await stack.audit()).find(
      ({ unmapped }) => unmapped.portcullis['act'] === 'sign-in',
    )
    const ip = kind.endsTlsOfPages ? clientAddress : '127.0.0.1'
    expect(visit).toMatchObject({ src_endpoint: { ip } })
  })

  test('a replica that stops gets nobody new, and cuts no transaction', async () => {
    const sessions = await sessionsAtBoth()
    for (const session of sessions) {
      session.query('begin; select 1')
      await session.readUntil('Z')
    }
    const kept = await open(other.gateway)
    await front.takeOut(0)
    const exited = once(stack.gateway.process, 'exit')
    stack.gateway.process.kill('SIGTERM')
    // Nobody may be refused, neither while the front finds out nor afterwards.
    await until('the front to take nobody there, and the listener to be closed', async () => {
      const late = await logIn()
      late.destroy()
      return (await front.isOut(0)) && !(await isListening(stack.gateway.port))
    })
    for (const session of sessions) {
      session.query('select 42')
      expect((await session.readUntil('D')).body.toString()).toContain('42')
      await session.readUntil('Z')
      session.query('commit')
      await session.readUntil('Z')
    }
    expect(await exited).toEqual([0, null])
    expect(await countAlive(sessions)).toBe(kept)
    for (const session of sessions) session.destroy()
  })

  test('Ctrl-C in psql cancels the statement', async () => {
    const child = startPsql(await environment(), 'select pg_sleep(60)')
    let stderr = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const exited = once(child, 'close')
    await until('the statement', async () => (await stack.activeStatements()) === 1)
    child.kill('SIGINT')
    await exited
    expect(stderr).toContain('canceling statement due to user request')
  })

  test('a replica that is killed is not asked by those who log in', async () => {
    await stack.restartGateway()
    await front.putBack(0)
    await bothIn()
    const sessions = await sessionsAtBoth()
    const lost = await open(other.gateway)
    const exited = once(other.gateway.process, 'exit')
    other.gateway.process.kill('SIGKILL')
    await exited
    for (let login = 0; login < 10; login++) (await logIn()).destroy()
    expect(await countAlive(sessions)).toBe(sessions.length - lost)
    for (const session of sessions) session.destroy()
  })
}

async function countAlive(sessions: readonly WireClient[]): Promise<number> {
  const answers = await Promise.all(
    sessions.map(async (session) => {
      try {
        session.query('select 1')
        return (await session.readUntil('Z')).type === 'Z'
      } catch {
        return false
      }
    }),
  )
  return answers.filter(Boolean).length
}
