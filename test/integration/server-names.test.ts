// One listener, several names: each with its certificate and its pool.
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Authority } from '../../demo/certificates.ts'
import { hasPsql, psql } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

let stack: Stack

async function writeCertificate(folder: string, authority: Authority): Promise<void> {
  const name = 'db.example.test'
  const { certificate, key } = await authority.issue({ commonName: name, names: [name] })
  await writeFile(join(folder, 'db.crt'), certificate)
  await writeFile(join(folder, 'db.key'), key, { mode: 0o600 })
}

beforeAll(async () => {
  stack = await Stack.start({
    prepare: writeCertificate,
    configure: (config) => {
      const pool = config.connectivity_pools['sso_pool']!
      config.connectivity_pools['named'] = {
        ...pool,
        require_sso: false,
        server_names: ['DB.example.test'],
        tls: { certificate: 'db.crt', key: 'db.key' },
      }
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

describe.runIf(hasPsql())('psql that asks for the name', () => {
  function environment(host: string, password: string): NodeJS.ProcessEnv {
    return { ...stack.environment(password), PGHOST: host, PGHOSTADDR: '127.0.0.1' }
  }

  test.each([
    ['db.example.test', 'named'],
    ['localhost', 'sso_pool'],
  ])('%s verifies its certificate and is served by pool %s', async (host, pool) => {
    const settings = { ...environment(host, await stack.token()), PGAPPNAME: `to ${host}` }
    const { stdout, stderr } = await psql(settings, 'select 1')
    expect({ stdout, stderr }).toEqual({ stdout: '1\n', stderr: '' })
    await until('the audit record', async () =>
      (await stack.audit()).some(
        ({ unmapped: { portcullis: one } }) =>
          one['application_name'] === `to ${host}` && one['pool'] === pool,
      ),
    )
  })

  test('has the policy of its pool', async () => {
    const password = stack.passwords['app_readonly']!
    const named = await psql(environment('db.example.test', password), 'select 1')
    expect(named.stdout).toBe('1\n')
    const other = await psql(environment('localhost', password), 'select 1')
    expect(other.stderr).toContain('This connectivity pool requires SSO authentication')
  })

  test('sees a replaced certificate at the next handshake', async () => {
    const fingerprint = async (): Promise<string> => {
      const socket = connect({
        socket: (await WireClient.requestTls(stack.gateway.port)).socket,
        ca: stack.authority.certificate,
        servername: 'db.example.test',
      })
      await once(socket, 'secureConnect')
      const { fingerprint256 } = socket.getPeerCertificate()
      socket.destroy()
      return fingerprint256
    }
    const before = await fingerprint()
    await writeCertificate(stack.folder, stack.authority)
    await until('the new certificate', async () => (await fingerprint()) !== before)
  })
})

test.each([
  ['no name', undefined],
  ['a name that no pool has', 'other.example.test'],
  ['a name that one begins with', 'db.example'],
])('a client that asks for %s gets the usual certificate and pool', async (_, servername) => {
  const { socket } = await WireClient.requestTls(stack.gateway.port)
  const secured = connect({
    socket,
    ca: stack.authority.certificate,
    checkServerIdentity: () => undefined,
    ...(servername !== undefined && { servername }),
  })
  await once(secured, 'secureConnect')
  expect(secured.getPeerCertificate().subjectaltname).toContain('DNS:localhost')
  const client = new WireClient(secured)
  const password = stack.passwords['app_readonly']!
  const answer = await client.logIn({ user: 'app_readonly', database: 'sandbox' }, password)
  expect(errorFields(answer).message).toBe('This connectivity pool requires SSO authentication')
  client.destroy()
})
