// "Why was she refused at 14:02?", asked of a gate by whoever runs it.
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { groupsClaim } from '../../demo/provider-configuration.ts'
import { why, type WhyOptions } from '../../src/cli/why.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      config.workers = 2
      config['control_socket'] = 'control.sock'
    },
  })
  await stack.keysFetched()
  await refused('app_readwrite', await stack.token({ sub: 'mallory', [groupsClaim]: ['visitors'] }))
  await refused('app_readwrite', await stack.token({ sub: 'mallory', [groupsClaim]: ['visitors'] }))
  await refused('app_readonly\u001b[2J\u202e', `${(await stack.token()).slice(0, -4)}AAAA`)
  await until('records', async () => (await stack.audit()).length >= 3)
}, 60_000)

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function refused(user: string, token: string) {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const first = await client.logIn({ user, database: 'sandbox' }, token)
  client.destroy()
  expect(first.type).toBe('E')
  return errorFields(first)
}

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** In this process, as the program does it in one of its own. */
async function ask(options: Partial<WhyOptions>, reference?: string): Promise<Outcome> {
  const [stdout, stderr] = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockReturnValue(true),
  )
  try {
    const code = await why(reference, { limit: '5', output: 'text', ...options })
    const [out, error] = [stdout, stderr].map((spy) => spy!.mock.calls.map(String).join(''))
    return { code, stdout: out!, stderr: error! }
  } finally {
    stdout!.mockRestore()
    stderr!.mockRestore()
  }
}

const config = (): string => stack.gateway.configFile
const clock = (at: Date): string => at.toTimeString().slice(0, 5)

async function referenceOf(reason: string): Promise<string> {
  const found = (await stack.audit()).find(({ status_detail: detail }) => detail === reason)
  return found?.metadata.correlation_uid ?? ''
}

test('the output has the shape that docs/operations.md shows, of the command that it shows', async () => {
  const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8')
  const [, command, shown] =
    /```sh\n(portcullis why .*)\n```\n\n```text\n([^`]*(?:`\w+`[^`]*)*)```/.exec(page) ?? []
  expect(command).toBe('portcullis why --config portcullis.yaml --at 14:02 --who alice')
  const { stdout } = await ask({
    config: config(),
    at: clock(new Date()),
    who: 'mallory',
    limit: '1',
  })
  const labels = (text: string): readonly string[] =>
    [...text.matchAll(/^ {2}(\w+(?: \w+)?) {2,}/gm)].map(([, label]) => label!)
  expect(labels(stdout)).toEqual(labels(shown!))
  expect(labels(stdout).length).toBeGreaterThan(8)
})

describe('portcullis why', () => {
  test('says of a time and a person what was compared, what she read and what to do', async () => {
    const { code, stdout, stderr } = await ask({
      config: config(),
      at: clock(new Date()),
      who: 'Mall',
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(
      /^2 logins of "Mall" were refused between .*, and 5 minutes before and after:\n/,
    )
    expect(stdout).toMatch(
      /^ {2}who {10}mallory \(subject mallory of https:.*\); user "app_readwrite" was asked for$/m,
    )
    expect(stdout).toMatch(/^ {2}from {9}127\.0\.0\.1, at node /m)
    expect(stdout).toMatch(/^ {2}to {11}database "sandbox", pool sso_pool, integration /m)
    expect(stdout).toMatch(/^ {2}checks {7}FAIL {2}/m)
    expect(stdout).toMatch(/^ {2}client got {3}FATAL: 28000: /m)
    expect(stdout).toMatch(/^ {2}remedy {7}.+ \(for the administrator of Portcullis\)$/m)
    expect(stdout).toContain('1 other login from 1 address had this reason within 10 minutes of it')
  })

  test('shows every check of the login whose reference the client was told', async () => {
    const reference = await referenceOf('token-signature')
    const { stdout } = await ask({ config: config() }, reference)
    expect(stdout).toMatch(/^This login was refused:\n/)
    expect(stdout).toMatch(/ok {4}.*\n(.*\n)*? {15}FAIL/)
    expect(stdout).toContain(`DETAIL: The log of the gateway has more under session ${reference}.`)
  })

  test('prints nothing of what strangers sent that a terminal would obey', async () => {
    for (const output of ['text', 'json'] as const) {
      const { stdout } = await ask({ config: config(), output })
      expect(stdout).toContain('app_readonly')
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
    }
  })

  test('has no token in it', async () => {
    const { stdout } = await ask({ config: config(), output: 'json' })
    expect(stdout).not.toContain('eyJ')
  })

  test('has it as data, with the checks as they were made', async () => {
    const { stdout } = await ask({ config: config(), output: 'json', from: '127.0.0.0/8' })
    const { found, files, complete } = JSON.parse(stdout) as {
      readonly found: readonly Readonly<Record<string, unknown>>[]
      readonly files: readonly string[]
      readonly complete: boolean
    }
    expect(found.map(({ reason }) => reason)).toEqual([
      'role-not-allowed',
      'role-not-allowed',
      'token-signature',
    ])
    expect(found[0]).toMatchObject({
      principal: 'mallory',
      fault: 'policy',
      alike: { minutes: 10, logins: 1, addresses: 1 },
    })
    expect(found[0]?.['checks']).toContainEqual(expect.objectContaining({ passed: false }))
    expect({ files, complete }).toEqual({
      files: [join(stack.folder, 'audit.jsonl')],
      complete: true,
    })
  })

  test('where there is nobody, says who was refused nearest to it', async () => {
    const yesterday = new Date(Date.now() - 86_400_000).toISOString()
    const { code, stdout } = await ask({ config: config(), at: yesterday, who: 'mallory' })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^Nobody of "mallory" was refused between /)
    expect(stdout).toMatch(
      /The nearest before and after:\n {2}.* role-not-allowed {2}mallory from 127\.0\.0\.1/,
    )
  })

  test('names those of whom nobody knows who they were, where the person is not found', async () => {
    const { code, stdout } = await ask({ config: config(), at: clock(new Date()), who: 'carol' })
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /One of them may be meant:\n {2}.* token-signature {2}user "app_readonly/,
    )
  })

  test('asks the service alone where there is no file, and the file alone where there is no service', async () => {
    const bySocket = await ask({ socket: join(stack.folder, 'control.sock'), who: 'mallory' })
    expect(bySocket.stdout).toMatch(/^The last 2 logins of "mallory" that were refused:/)
    expect(bySocket.stdout).toContain('There is no audit file')
    const byFile = await ask({ file: [join(stack.folder, 'audit.jsonl')], who: 'mallory' })
    expect(byFile.stdout).toMatch(/^The last 2 logins of "mallory"/)
    expect(byFile.stdout).toMatch(/^ {2}client gets {2}FATAL: 28000: /m)
  })

  test('reads what was rotated away and compressed', async () => {
    const [from, to] = ['audit.jsonl', 'audit.jsonl.1.gz'].map((name) => join(stack.folder, name))
    const copy = join(stack.folder, 'copy')
    await rename(from!, copy)
    await writeFile(to!, gzipSync(await readFile(copy)))
    await writeFile(from!, '')
    const { stdout } = await ask({ file: [from!], who: 'mallory' })
    expect(stdout).toMatch(/^The last 2 logins of "mallory"/)
  })

  test.each([
    [{ at: 'soon' }, '--at is a time such as 14:02'],
    [{ from: 'home' }, '--from is an address or a range'],
    [{ limit: '0' }, '--limit is a number'],
  ])('%j is wrong usage', async (options, message) => {
    const { code, stderr } = await ask({ ...options, config: config() })
    expect(code).toBe(64)
    expect(stderr).toContain(message)
  })

  test('without any place to look at, it says so', async () => {
    expect(await ask({})).toMatchObject({ code: 64 })
    expect(await ask({ socket: '/does/not/exist' })).toMatchObject({ code: 2 })
    expect(await ask({ file: ['/does/not/exist'] })).toMatchObject({ code: 2 })
  })
})
