// Ocient's guide from its third section to its sixth, by psql alone, on an installation that knows nobody: the
// statements of test/seeds/ocient.sql as they stand there, with other names and addresses.
import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../demo/ports.ts'
import { databaseAudience } from '../../demo/provider-configuration.ts'
import { hasPsql, psql, type PsqlResult } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'

const seed = new URL('../seeds/ocient.sql', import.meta.url)
const secret = 'known to the operator'
const interactiveSecret = 'not used by a public client'
const roles = { readonly: 'one', readwrite: 'two' }

let stack: Stack
let poolPort: number

beforeAll(async () => {
  const authorities = process.env['NODE_EXTRA_CA_CERTS']
  stack = await Stack.start({
    prepare: async (folder) => {
      // The provider of the guide has a certificate that everybody trusts.
      process.env['NODE_EXTRA_CA_CERTS'] = join(folder, 'ca.crt')
      return Promise.resolve()
    },
    configure: (config) => {
      const { upstream } = config.databases['sandbox'] as { upstream: object }
      config['node'] = 'sql0'
      config['default_pool'] = { listen_address: '127.0.0.1', listen_port: 0 }
      config['default_upstream'] = { ...upstream, auth: { method: 'password', passwords: roles } }
      config['console'] = { users: { olga: { secret, right: 'admin' } } }
      config.integrations = {}
      config.groups = {}
      config.databases = {}
      config.connectivity_pools = {}
    },
  })
  if (authorities === undefined) delete process.env['NODE_EXTRA_CA_CERTS']
  else process.env['NODE_EXTRA_CA_CERTS'] = authorities
  poolPort = await freePort()
  for (const [role, password] of Object.entries(roles)) {
    await stack.postgres.sql(`create role ${role} login password '${password}'`)
  }
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

/** The operator, by the listener that the node has by itself. */
async function atConsole(...statements: readonly string[]): Promise<PsqlResult> {
  const environment = { ...stack.environment(secret), PGUSER: 'olga', PGDATABASE: 'system' }
  return psql(environment, ...statements)
}

function byPool(token: string, settings: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...stack.environment(token), PGPORT: String(poolPort), ...settings }
}

async function asMachine(statement: string): Promise<PsqlResult> {
  const token = await stack.provider.clientCredentialsToken('m2m', { audience: databaseAudience })
  const options = '-c handshake=SSO -c identityprovider=sso_m2m'
  return psql(byPool(token, { PGUSER: 'id_token@system', PGOPTIONS: options }), statement)
}

/** psql of a person with a browser elsewhere, as far as the notice. */
async function beginSignIn(): Promise<{ readonly output: Promise<string>; readonly code: string }> {
  const child = spawn('psql', ['-X', '-At', '-c', 'select session_user'], {
    env: byPool('', { PGUSER: 'sso', PGOPTIONS: '-c handshake=SSO -c ssoOAuthFlow=deviceGrant' }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let heard = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (heard += chunk))
  const output = text(child.stdout)
  await until('the notice', () => heard.includes('HINT'))
  const [, code = ''] = /shows the code (\S+)/.exec(heard) ?? []
  return { output, code }
}

describe.skipIf(!hasPsql())('the guide', () => {
  test('is carried out as it stands', async () => {
    const statements = (await readFile(seed, 'utf8'))
      .replaceAll('issuer = "https://auth.example.com"', `issuer = "${stack.provider.issuer}"`)
      .replaceAll('<INTERACTIVE_CLIENT_ID>', 'portcullis-cli')
      .replaceAll('<INTERACTIVE_CLIENT_SECRET>', interactiveSecret)
      .replaceAll('<M2M_CLIENT_ID>', 'm2m')
      .replaceAll('<M2M_CLIENT_SECRET>', 'only for flows that start here')
      .replaceAll("'10.0.0.20'", "'127.0.0.1'")
      .replaceAll('4051', String(poolPort))
    const file = join(stack.folder, 'ocient.sql')
    await writeFile(file, statements)
    const { code, stdout, stderr } = await atConsole(String.raw`\i ${file}`)
    expect({ code, errors: /ERROR.*/.exec(stderr)?.[0] }).toEqual({ code: 0, errors: undefined })
    expect(stdout.trim().split('\n')).toEqual([
      ...['CREATE GROUP', 'CREATE GROUP'],
      ...Array.from({ length: 6 }, () => 'GRANT'),
      ...['CREATE SSO INTEGRATION', 'CREATE SSO INTEGRATION'],
      ...['ALTER DATABASE', 'ALTER SSO INTEGRATION', 'CREATE CONNECTIVITY_POOL', 'CREATE DATABASE'],
    ])
    expect(stderr).toContain('there is no such database')
    expect(stderr).toContain('the default pool "sql0_default" is closed')
  })

  test('lets a machine in, and only to read', async () => {
    const { stdout, stderr } = await asMachine('select session_user')
    expect({ stdout, stderr }).toEqual({ stdout: 'readonly\n', stderr: '' })
    const { code } = await asMachine('create table t ()')
    expect(code).not.toBe(0)
  })

  test('lets a person in, who is elevated by the mapping', async () => {
    const { code, output } = await beginSignIn()
    await stack.provider.approveDevice(code, 'alice')
    expect(await output).toBe('readwrite\n')
  })

  test('refuses passwords at the pool', async () => {
    const { stderr } = await psql(byPool(roles.readonly, { PGUSER: 'readonly' }), 'select 1')
    expect(stderr).toContain('This connectivity pool requires SSO authentication')
  })

  test('leaves its secrets in the file alone', async () => {
    expect(await readFile(stack.gateway.configFile, 'utf8')).toContain(interactiveSecret)
    const records = JSON.stringify(await stack.audit())
    expect(records).toContain("client_secret = '********'")
    for (const seen of [records, stack.gateway.log()]) expect(seen).not.toContain(interactiveSecret)
  })
})
