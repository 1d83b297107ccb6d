// PostgreSQL on a Unix socket: it knows Portcullis by the user of the system, and no role has a password.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { groupsClaim } from '../../demo/provider-configuration.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { cancelRequest, errorFields, WireClient } from '../support/wire-client.ts'

let stack: Stack
let directory: string
const isLinux = process.platform === 'linux'

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pc-'))
  await chmod(directory, 0o777)
  const abstract = `@${directory.slice(1)}`
  stack = await Stack.start({
    settings: { unix_socket_directories: isLinux ? `${directory}, ${abstract}` : directory },
    hba: 'local all all peer map=portcullis\nhost all all all reject',
    ident: `portcullis ${userInfo().username} app_readonly`,
    configure: (config) => {
      const { port } = config.databases['sandbox']!['upstream'] as { port: number }
      const upstream = { port, tls: 'disable', auth: { method: 'trust' }, database: 'sandbox' }
      config.databases['sandbox'] = { upstream: { host: directory, ...upstream } }
      config.databases['abstract'] = { upstream: { host: abstract, ...upstream } }
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

describe('a server on a Unix socket', () => {
  test.runIf(isLinux)('of the abstract namespace lets roles in that the map has', async () => {
    const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    const parameters = { user: 'app_readonly', database: 'abstract' }
    expect((await client.logIn(parameters, await stack.token())).type).toBe('R')
    client.destroy()
  })

  test('lets roles in that the map has, and cancels their statements', async () => {
    const { client, processId, secretKey } = await stack.logIn()
    client.query('select current_user')
    expect((await client.readUntil('D')).body.toString()).toContain('app_readonly')
    await client.readUntil('Z')
    client.query('select pg_sleep(30)')
    await until('the statement', async () => (await stack.activeStatements()) === 1)
    const canceller = await WireClient.connect(stack.gateway.port)
    canceller.send(cancelRequest(processId, secretKey))
    const answer = await client.readUntil('E')
    expect(errorFields(answer)).toMatchObject({ sqlstate: '57014' })
    client.destroy()
  })

  test('refuses roles that the map has not', async () => {
    const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    const token = await stack.token({ [groupsClaim]: ['readwrite-role'] })
    const answer = await client.logIn({ user: 'app_readwrite', database: 'sandbox' }, token)
    expect(errorFields(answer).message).toBe('could not connect to the database')
    await expect
      .poll(() => stack.postgres.log())
      .toContain('Peer authentication failed for user "app_readwrite"')
    await expect.poll(() => stack.gateway.log()).toContain('upstream-authentication')
    client.destroy()
  })
})
