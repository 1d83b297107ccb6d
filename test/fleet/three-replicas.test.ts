// Three replicas behind HAProxy under load. Whatever is asked of one holds for all; one is killed, one is replaced, and
// the store is restarted: nothing fails but what the one that was killed had.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../demo/ports.ts'
import { groupsClaim } from '../../demo/provider-configuration.ts'
import { Console } from '../support/console.ts'
import { addPages, alice, clientOfPages } from '../support/pages.ts'
import type { Session } from '../support/stack.ts'
import { StoreDatabase, testSecret } from '../support/store.ts'
import { until } from '../support/until.ts'
import { WebBrowser } from '../support/web-browser.ts'
import { cancelRequest, WireClient } from '../support/wire-client.ts'
import { Scene } from './scene.ts'
import { printTable } from './table.ts'
import { type Failure, Traffic } from './traffic.ts'

const replicas = 3
const [one, two, three] = [0, 1, 2] as const
const belongings = new AsyncDisposableStack()
let scene: Scene
let traffic: Traffic
let database: StoreDatabase
let publicUrl: string
let startedAt: number
/** When the replica was killed, and where sessions of the pool were then. */
let killed: { readonly at: number; readonly open: ReadonlySet<number> } | undefined

beforeAll(async () => {
  database = belongings.use(await StoreDatabase.start())
  const pagesPort = await freePort()
  publicUrl = `https://localhost:${pagesPort}`
  scene = belongings.use(
    await Scene.start({
      replicas,
      pagesPort,
      clients: [clientOfPages(publicUrl)],
      configure: (config) => {
        addPages(config, publicUrl, 0)
        Object.assign(config['web'] as object, { behind_proxy: true })
      },
      configureReplica: (config, index) => {
        const replica = `gw${index + 1}`
        config['fleet'] = { store: database.url, secret: testSecret, heartbeat: '1s', replica }
      },
    }),
  )
  await acquainted()
  startedAt = performance.now()
  const { stack, port } = scene
  traffic = new Traffic({ stack, port, loginsPerSecond: 10, sessions: 12 })
})

afterAll(async () => {
  await (traffic as Traffic | undefined)?.stop()
  await belongings.disposeAsync()
})

async function acquainted(count = replicas): Promise<void> {
  await until('the replicas to know each other', async () => {
    const known = scene.replicas.map(async ({ gateway }) =>
      scene.stack.metric('portcullis_fleet_replicas', {}, gateway).catch(() => 0),
    )
    return (await Promise.all(known)).every((each) => each === count)
  })
}

/** A session at just this replica. */
async function logIn(
  index: number,
  claims: Readonly<Record<string, unknown>> = {},
  user?: string,
): Promise<Session> {
  const token = await scene.stack.token(claims)
  return scene.stack.logIn(user, token, scene.gateway(index))
}

async function refusal(
  index: number,
  claims: Readonly<Record<string, unknown>>,
  user?: string,
): Promise<string> {
  try {
    const { client } = await logIn(index, claims, user)
    client.destroy()
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** The pages of the others alone, as HAProxy has been told. */
async function withoutPagesOf(index: number, work: () => Promise<void>): Promise<void> {
  const server = `set server portcullis_pages/gw${index + 1} state`
  await scene.front.ask(`${server} maint`)
  await work().finally(async () => scene.front.ask(`${server} ready`))
}

async function waitForSignIn(
  index: number,
): Promise<{ client: WireClient; address: string; code: string }> {
  const client = await WireClient.connectSecurely(
    scene.gateway(index).port,
    scene.stack.authority.certificate,
  )
  client.startup({ user: 'sso', database: 'sandbox' })
  const { body } = await client.readUntil('N')
  const [address = ''] = /https:[^ ]+\/sign-in\/[^ \0]+/.exec(body.toString()) ?? []
  const [, code = ''] = /code ([A-Z]{4}-[A-Z]{4})/.exec(body.toString()) ?? []
  return { client, address, code }
}

async function signedIn(): Promise<WebBrowser> {
  const me = new WebBrowser(scene.stack.authority.certificate)
  await me.open(`${publicUrl}/oidc/v1/login`)
  await me.press(alice)
  return me
}

describe('what is asked of another replica than it concerns', () => {
  test('a cancel request finds the statement', async () => {
    const { client, processId, secretKey } = await logIn(one)
    client.query('select pg_sleep(60)')
    await until('the statement', async () => (await scene.stack.activeStatements()) > 0)
    const other = await WireClient.connect(scene.gateway(two).port)
    other.send(cancelRequest(processId, secretKey))
    expect(await client.readUntilError()).toMatchObject({ sqlstate: '57014' })
    client.destroy()
  })

  test('KILL ends the sessions of a subject on all', async () => {
    const sessions = await Promise.all(
      [one, two].map(async (index) => logIn(index, { sub: 'mallory' })),
    )
    const console = await Console.connect(scene.stack, scene.gateway(three))
    expect(await console.done("KILL SUBJECT 'mallory'")).toContain('KILL')
    for (const { client } of sessions)
      expect(await client.readError()).toMatchObject({ sqlstate: '57P01' })
    await console.close()
  })

  test('REVOKE keeps somebody out of all, until RESTORE at another', async () => {
    const erin = { sub: 'erin' }
    const at = [
      await Console.connect(scene.stack, scene.gateway(one)),
      await Console.connect(scene.stack, scene.gateway(two)),
    ]
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString()
    await at[0]?.done(`REVOKE SUBJECT 'erin' UNTIL '${tomorrow}'`)
    for (const index of [one, two, three]) {
      expect(await refusal(index, erin)).not.toBe('')
    }
    await at[1]?.done("RESTORE SUBJECT 'erin'")
    for (const index of [one, two, three]) {
      expect(await refusal(index, erin)).toBe('')
    }
    await Promise.all(at.map(async (console) => console.close()))
  })

  test('somebody signs in at the pages of another than the client waits at', async () => {
    const { client, address } = await waitForSignIn(one)
    await withoutPagesOf(one, async () => {
      const me = new WebBrowser(scene.stack.authority.certificate)
      await me.open(address)
      await me.press('Continue to sign in')
      await me.press(alice)
      expect(me.text).toContain('You are signed in')
    })
    expect((await client.readUntil('Z')).type).toBe('Z')
    client.destroy()
  })

  test('a code is approved at the pages of another than the client waits at', async () => {
    const { client, code } = await waitForSignIn(two)
    expect(code).not.toBe('')
    await withoutPagesOf(two, async () => {
      const me = await signedIn()
      await me.open(`${publicUrl}/device?code=${code}`)
      await me.press('Approve as alice')
      expect(me.text).toContain('Your client goes on as the role')
    })
    expect((await client.readUntil('Z')).type).toBe('Z')
    client.destroy()
  })

  test('a change of the catalog is what all decide by', async () => {
    const nightShift = { [groupsClaim]: ['night-shift'] }
    for (const index of [one, two, three])
      expect(await refusal(index, nightShift, 'app_readwrite')).not.toBe('')
    const console = await Console.connect(scene.stack, scene.gateway(two))
    await console.done(
      'ALTER SSO INTEGRATION people SET groups_claim_mappings = { "readwrite-role" = "readwrite", "night-shift" = "readwrite" }',
    )
    for (const index of [one, two, three]) {
      await until(
        'it to count',
        async () => (await refusal(index, nightShift, 'app_readwrite')) === '',
      )
    }
    await console.close()
  })
})

describe('what befalls a replica', () => {
  test('the store is restarted, and nobody notices', async () => {
    await database.postgres.stop('immediate')
    await until(
      'a replica to notice',
      async () =>
        (await scene.stack.metric('portcullis_fleet_store_up', {}, scene.gateway(one))) === 0,
    )
    expect(await refusal(one, {})).toBe('')
    await database.postgres.startAgain()
    await acquainted()
  })

  test('one is replaced: its sessions go to the others at their next transaction', async () => {
    const before = traffic.counts.moved
    await scene.replace(three)
    await acquainted()
    expect(traffic.counts.moved).toBeGreaterThan(before)
  })

  test('one is killed: what it had is lost', async () => {
    const { open } = traffic
    killed = { at: performance.now(), open }
    await scene.kill(two)
    await scene.isOut(two)
    const { logins } = traffic.counts
    await until('logins to go on', () => traffic.counts.logins > logins + 20)
  })

  test('nothing else has failed', async () => {
    await traffic.stop()
    const whose = async (port: number): Promise<number | undefined> => {
      await until('HAProxy to have logged it', () => scene.replicaOf(port) !== undefined).catch(
        () => {},
      )
      return scene.replicaOf(port)
    }
    const attributed: (Failure & { replica: number | undefined })[] = []
    for (const failure of traffic.failures)
      attributed.push({ ...failure, replica: await whose(failure.localPort) })
    const lost: number[] = []
    for (const port of killed?.open ?? []) if ((await whose(port)) === two) lost.push(port)
    const { logins, transactions, moved } = traffic.counts
    const cut = attributed.filter(({ kind }) => kind === 'transaction')
    printTable('three replicas under load', [
      ['seconds', ((performance.now() - startedAt) / 1_000).toFixed(0)],
      ['logins', logins],
      ['transactions of 12 sessions of a pool', transactions],
      ['sessions that were ended between two transactions, and replaced', moved],
      ['sessions of the pool that the killed replica had', lost.length],
      ['transactions that were cut', cut.length],
      ['logins that were cut', attributed.length - cut.length],
      ['of all that at other replicas, or at another time', attributed.filter(isElsewhere).length],
    ])
    expect(attributed.filter(isElsewhere)).toEqual([])
    expect(cut.map(({ localPort }) => localPort).toSorted()).toEqual(lost.toSorted())
    expect(lost.length).toBeGreaterThan(0)
  })
})

/** Whether it cannot be put down to the replica that was killed. */
function isElsewhere({ replica, at }: Failure & { replica: number | undefined }): boolean {
  const after = at - (killed?.at ?? 0)
  return replica !== two || after < 0 || after > 3_000
}
