// A token that is passed on by OAUTHBEARER to PostgreSQL 18 itself, with a validator that is compiled here.
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

const hasCompiler = findsCompiler()
if (!hasCompiler) {
  process.stderr.write(
    'SKIPPED: gcc, which makes a validator for PostgreSQL 18, is not installed\n',
  )
}

function findsCompiler(): boolean {
  try {
    execFileSync('gcc', ['--version'], { stdio: 'ignore' })
    return process.platform === 'linux'
  } catch {
    return false
  }
}

describe.skipIf(!hasCompiler)('PostgreSQL 18 with a validator', () => {
  let stack: Stack
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portcullis-validator-'))
    const tokens = join(folder, 'tokens')
    const library = join(folder, 'validator.so')
    await mkdir(tokens)
    // PostgreSQL runs as another user where the tests run as root.
    await Promise.all([chmod(folder, 0o755), chmod(tokens, 0o755)])
    const source = fileURLToPath(new URL('../support/oauth-validator/validator.c', import.meta.url))
    const defined = `-DTOKEN_FOLDER="${tokens}"`
    execFileSync('gcc', ['-shared', '-fPIC', '-Wall', '-Werror', defined, '-o', library, source])
    const upstream = (config: Stack['config'], changes: object): object => ({
      upstream: { ...(config.databases['sandbox']!['upstream'] as object), ...changes },
    })
    stack = await Stack.start({
      hba: 'hostssl all all 127.0.0.1/32 oauth issuer="https://auth.example.com" scope="openid db" delegate_ident_mapping=1',
      settings: { oauth_validator_libraries: library },
      configure: (config) => {
        Object.assign(config.databases, {
          cleartext: upstream(config, {
            database: 'sandbox',
            auth: { method: 'token', as: 'cleartext' },
          }),
          password: upstream(config, { database: 'sandbox' }),
          sandbox: upstream(config, { auth: { method: 'token' } }),
        })
      },
    })
  })

  afterAll(async () => {
    await stack[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  async function accept(token: string): Promise<void> {
    await writeFile(join(folder, 'tokens', 'app_readonly'), token)
  }

  async function logIn(token: string, database = 'sandbox'): Promise<string> {
    const { port } = stack.gateway
    const client = await WireClient.connectSecurely(port, stack.authority.certificate)
    try {
      const first = await client.logIn({ user: 'app_readonly', database }, token)
      if (first.type === 'E') return errorFields(first).message
      await client.readUntil('Z')
      client.query('select session_user, system_user')
      const { body } = await client.readUntil('D')
      return body.toString('latin1')
    } finally {
      client.destroy()
    }
  }

  test('takes the token, and the session is the role', async () => {
    const token = await stack.token()
    await accept(token)
    const row = await logIn(token)
    expect(row).toContain('app_readonly')
    expect(row).toContain('oauth:app_readonly')
  })

  test('does not take another token, and the log has what it said', async () => {
    await accept('another')
    const token = await stack.token()
    const refused = async (): Promise<void> => {
      expect(await logIn(token)).toBe('could not connect to the database')
    }
    await stack.gateway.untilLogged(
      /OAUTHBEARER: the server says invalid_token, wants the scope \\"openid db\\", takes tokens of https:\/\/auth\.example\.com/,
      () => void refused(),
    )
  })

  test.each([
    ['cleartext', 'upstream.auth.as is \\"cleartext\\"'],
    ['password', 'offers no SCRAM-SHA-256'],
  ])('is not shown the token by the database %s', async (database, told) => {
    const token = await stack.token()
    await accept(token)
    expect(await logIn(token, database)).toBe('could not connect to the database')
    await expect.poll(() => stack.gateway.log()).toContain(told)
  })

  test('no token is in a log', () => {
    expect(stack.gateway.log()).not.toMatch(/eyJ[\w-]{10,}/)
    expect(stack.postgres.log()).not.toMatch(/eyJ[\w-]{10,}/)
  })
})
