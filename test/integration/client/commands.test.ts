// The commands of whoever connects, at a real gateway and with the real psql.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ClientMachine, type ClientRun } from '../../support/client-machine.ts'
import { hasPsql } from '../../support/psql.ts'
import { startWithPages, type StackWithPages } from '../../support/pages.ts'
import { until } from '../../support/until.ts'

const withPsql = hasPsql()

let stack: StackWithPages
let machine: ClientMachine

beforeAll(async () => {
  ;[stack, machine] = await Promise.all([startWithPages(), ClientMachine.start()])
  const token = await machine.write('token', await stack.token())
  await machine.write('ca.crt', stack.authority.certificate)
  const { code, stderr } = await machine.run([
    ...['login', '--profile', 'work', '--host', 'localhost', '--port', String(stack.gateway.port)],
    ...['--database', 'sandbox', '--ca-file', 'ca.crt', '--store', 'file'],
    ...['--command', '/bin/cat', token],
  ])
  expect(stderr).toContain('profile work')
  expect(code).toBe(0)
}, 60_000)
afterAll(async () => {
  await machine[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

const run: ClientMachine['run'] = async (...args) => machine.run(...args)

describe('login', () => {
  test('at a gateway takes its address alone, and a code on another device', async () => {
    const { host } = new URL(stack.publicUrl)
    const child = machine.start([
      ...['login', host, '--no-browser', '--no-default', '--ca-file', 'ca.crt'],
      ...['--database', 'sandbox', '--host', 'localhost', '--port', String(stack.gateway.port)],
    ])
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    const codeIn = (): string | undefined => /\b[A-Z]{4}-[A-Z]{4}\b/.exec(said)?.[0]
    await until('there is a code', () => codeIn() !== undefined)
    await stack.provider.approveDevice(codeIn() ?? '', 'alice')
    const [code] = (await once(child, 'close')) as [number]
    expect(code, said).toBe(0)
    expect(said).toMatch(/Signed in as alice\S*, profile localhost\.\n/)
    expect(said).toMatch(/The token is good until \S+, in \d+ /)
    expect(said).toContain('Next: portcullis psql --profile localhost\n')
    expect(said).not.toContain('eyJ')
    const { stdout } = await run(['profiles', 'show', 'localhost'])
    expect(stdout).toContain(`gateway: ${stack.publicUrl}`)
    expect(stdout).toContain('flow: device')
    // What the gateway has said of users counts where there is no token in what is written.
    expect(said).toContain('Users at the gateway: app_readwrite, app_readonly.\n')
    const [service, url] = await Promise.all(
      [['service'], ['url', '--no-token']].map(async (args) =>
        run([...args, '--profile', 'localhost']),
      ),
    )
    expect(service?.stdout).toContain('user=app_readwrite\n')
    expect(url?.stdout).toContain('//app_readwrite@')
  })

  test('where nobody can be asked ends with 67', async () => {
    const args = ['login', new URL(stack.publicUrl).host, '--profile', 'x', '--ca-file', 'ca.crt']
    const { code, stderr } = await run(args, { environment: { CI: 'true' } })
    expect({ code, stderr }).toMatchObject({ code: 67 })
    expect((await run(['profiles'])).stdout).not.toContain('x')
  })
})

const who = ['-XAt', '-c', "select session_user || ' ' || current_database()"]

describe.skipIf(!withPsql)('psql', () => {
  test('is signed in, as the role that the token gives', async () => {
    expect(await run(['psql', ...who])).toEqual({
      code: 0,
      stdout: 'app_readwrite sandbox\n',
      stderr: '',
    })
  })

  test('takes its database and user by arguments and by the environment', async () => {
    const byArguments = await run(['psql', '-U', 'app_readonly', '-d', 'sandbox', ...who])
    expect(byArguments.stdout).toBe('app_readonly sandbox\n')
    const environment = { PGUSER: 'app_readonly' }
    expect((await run(['psql', ...who], { environment })).stdout).toBe('app_readonly sandbox\n')
    const byString = `user=app_readonly dbname=sandbox host=localhost`
    expect((await run(['psql', byString, ...who])).stdout).toBe('app_readonly sandbox\n')
  })

  test('goes to the gateway, whatever the environment says', async () => {
    const environment = {
      PGHOST: '192.0.2.1',
      PGPORT: '1',
      PGHOSTADDR: '192.0.2.1',
      PGSERVICE: 'no',
    }
    expect((await run(['psql', ...who], { environment })).code).toBe(0)
  })

  test('passes on what it is given, and its exit code', async () => {
    const args = ['psql', '-XAt', '-v', 'ON_ERROR_STOP=1']
    expect((await run(args, { input: 'select 6 * 7;\n' })).stdout).toBe('42\n')
    expect((await run(args, { input: 'select 1/0;\n' })).code).toBe(3)
  })

  test('that is not there is said to be so, with what to install', async () => {
    const { code, stderr } = await run(['psql'], { environment: { PATH: '/nowhere' } })
    expect(code).toBe(127)
    expect(stderr).toContain('apt install postgresql-client')
  })

  test('has no token among its arguments', async () => {
    const script = "tr '\\0' '\\n' < /proc/self/cmdline; tr '\\0' '\\n' < /proc/$PPID/cmdline"
    const { stdout } = await run(['exec', '--', 'sh', '-c', script])
    expect(stdout).not.toContain(await stack.token().then((token) => token.slice(0, 20)))
  })
})

describe('a token is sent to no other server', () => {
  test.each([
    ['by a URL', ['psql', 'postgres://{other}/sandbox']],
    ['by an option', ['psql', '-h', '127.0.0.1', '-p', '{port}']],
    ['by the port alone', ['psql', '-p', '{port}']],
    ['by a connection string', ['psql', '-d', 'host=127.0.0.1 port={port} sslmode=disable']],
    ['by pg_dump', ['exec', '--', 'pg_dump', '--host=127.0.0.1']],
    ['by a URL of any program', ['exec', '--', 'true', '--url=postgres://{other}/']],
  ] as const)('%s', async (_, args) => {
    let connections = 0
    const other = createServer((socket) => {
      connections++
      socket.destroy()
    }).listen(0, '127.0.0.1')
    await once(other, 'listening')
    try {
      const { port } = other.address() as AddressInfo
      const [command, ...rest] = args
      // -p of psql goes behind ours.
      const words = command === 'psql' ? [command, '--profile', 'work', '--', ...rest] : args
      const { code, stderr } = await run(
        words.map((word) =>
          word.replace('{other}', `127.0.0.1:${port}`).replace('{port}', String(port)),
        ),
      )
      expect({ code, connections }).toEqual({ code: 64, connections: 0 })
      expect(stderr).toContain('A token is sent to the gateway of its profile alone.')
    } finally {
      other.close()
    }
  })

  test('nor by the environment that a program is given', async () => {
    const environment = { PGDATABASE: 'host=evil.example.com' }
    expect((await run(['exec', '--', 'true'], { environment })).code).toBe(64)
  })
})

describe('exec', () => {
  test('gives a program how to connect, and a token', async () => {
    const { stdout } = await run(['exec', '--', 'env'])
    const variables = new Map(
      stdout.split('\n').map((line) => line.split(/=(.*)/s) as [string, string]),
    )
    expect(variables.get('PGHOST')).toBe('localhost')
    expect(variables.get('PGSSLMODE')).toBe('verify-full')
    expect(variables.get('PGSSLROOTCERT')).toBe(join(machine.home, 'ca.crt'))
    expect(variables.get('PGPASSWORD')).toMatch(/^eyJ/)
    expect(Date.parse(variables.get('PORTCULLIS_TOKEN_EXPIRES_AT') ?? '')).toBeGreaterThan(
      Date.now(),
    )
  })

  test.each([
    ['its exit code', ['sh', '-c', 'exit 7'], 7],
    ['128 and the signal that ended it', ['sh', '-c', 'kill -TERM $$'], 143],
    ['127 where it is not there', ['no-such-program'], 127],
    ['126 where it cannot be run', ['/etc/passwd'], 126],
  ])('ends with %s', async (_, command, code) => {
    expect((await run(['exec', '--', ...command])).code).toBe(code)
  })

  test.each([
    ['SIGTERM', 'TERM'],
    // No terminal has sent it to the program already.
    ['SIGINT', 'INT'],
  ] as const)('passes %s on, and leaves the end to the program', async (signal, name) => {
    const script = `trap 'echo caught; exit 5' ${name}; echo ready; while :; do sleep 0.1; done`
    const child = machine.start(['exec', '--', 'sh', '-c', script])
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    await until('it runs', () => output.includes('ready'))
    child.kill(signal)
    const [code] = (await once(child, 'close')) as [number]
    expect({ code, output }).toEqual({ code: 5, output: 'ready\ncaught\n' })
  })
})

describe('token', () => {
  test('prints what a shell, a script or a tool reads', async () => {
    const [raw, json, exec] = await Promise.all([
      run(['token']),
      run(['token', '--format', 'json']),
      run(['token', '-f', 'exec']),
    ])
    const token = raw.stdout.trim()
    expect(token).toMatch(/^eyJ[\w.-]+$/)
    expect(JSON.parse(json.stdout)).toMatchObject({
      token,
      profile: 'work',
      database: 'sandbox',
      endpoints: [{ host: 'localhost', port: stack.gateway.port }],
    })
    expect(JSON.parse(exec.stdout)).toMatchObject({ kind: 'ExecCredential', status: { token } })
  })

  test.skipIf(!withPsql)('makes psql log in by eval', async () => {
    const { stdout } = await run(['token', '--format', 'env'])
    const script = `${stdout}\npsql -XAtc 'select session_user'`
    expect((await shell(script)).stdout).toBe('app_readwrite\n')
  })
})

describe.skipIf(!withPsql)('what other tools read', () => {
  test('a URL logs in', async () => {
    const { stdout } = await run(['url', '--user', 'app_readonly'])
    expect(
      (await shell('psql "$URL" -XAtc "select session_user"', { URL: stdout.trim() })).stdout,
    ).toBe('app_readonly\n')
  })

  test('a URL without a token has none', async () => {
    const { stdout } = await run(['url', '--no-token', '--user', 'app_readonly'])
    const [authorities, port] = [join(machine.home, 'ca.crt'), stack.gateway.port]
    expect(stdout).toBe(
      `postgresql://app_readonly@localhost:${port}/sandbox?sslmode=verify-full&sslrootcert=${encodeURIComponent(authorities)}\n`,
    )
  })

  test('a service and a password file log in', async () => {
    const [passfile, services] = [join(machine.home, 'pass'), join(machine.home, 'services')]
    const environment = { PGPASSFILE: passfile, PGSERVICEFILE: services }
    const written = await Promise.all([
      run(['service', '--write'], { environment }),
      run(['pgpass'], { environment }),
    ])
    expect(written.map(({ stdout }) => stdout)).toEqual([`${services}\n`, `${passfile}\n`])
    expect((await stat(passfile)).mode & 0o777).toBe(0o600)
    const { stdout } = await shell('psql service=work -XAtc "select session_user"', environment)
    expect(stdout).toBe('app_readwrite\n')
  })
})

describe('pgpass', () => {
  test('leaves other lines, and takes its own out again', async () => {
    const file = await machine.write('passes', '# mine\nother:5432:*:*:x\n')
    await run(['pgpass', '--file', file])
    expect(await readFile(file, 'utf8')).toMatch(
      /^# mine\nother:5432:\*:\*:x\nlocalhost:\d+:\*:\*:eyJ\S+\n$/,
    )
    await run(['pgpass', '--file', file, '--remove'])
    expect(await readFile(file, 'utf8')).toBe('# mine\nother:5432:*:*:x\n')
  })

  test('refuses a file that is open to others, as libpq does', async () => {
    const file = await machine.write('open', 'other:5432:*:*:x\n')
    await chmod(file, 0o644)
    const { code, stderr } = await run(['pgpass', '--file', file])
    expect(code).toBe(78)
    expect(stderr).toContain(`chmod go-rwx '${file}'`)
    expect(await readFile(file, 'utf8')).toBe('other:5432:*:*:x\n')
  })

  test('keeps the line for as long as it watches', async () => {
    const file = join(machine.home, 'watched')
    const child = machine.start(['pgpass', '--watch', '--file', file])
    const [path] = (await once(child.stdout, 'data')) as [Buffer]
    expect(path.toString()).toBe(`${file}\n`)
    expect(await readFile(file, 'utf8')).toMatch(/^localhost:/)
    child.kill('SIGTERM')
    const [code] = (await once(child, 'close')) as [number]
    expect(code).toBe(0)
    expect(await readFile(file, 'utf8')).toBe('')
  })
})

describe('profiles', () => {
  test('are listed, shown, chosen and removed', async () => {
    const again = ['login', '--profile', 'other', '--no-default', '--store', 'none']
    expect((await run([...again, '--command', '/bin/cat', join(machine.home, 'token')])).code).toBe(
      0,
    )
    expect((await run(['profiles'])).stdout).toBe('localhost\nother\nwork (default)\n')
    expect((await run(['profiles', 'show', 'work'])).stdout).toContain('flow: command')
    await run(['profiles', 'use', 'other'])
    expect((await run(['profiles', 'list', '-o', 'json'])).stdout).toContain('"default": true')
    expect((await run(['status'])).stdout).toMatch(/^Profile\s+other \(default\)\n/)
    await run(['profiles', 'use', 'work'])
    expect((await run(['profiles', 'remove', 'other'])).code).toBe(0)
    expect((await run(['profiles'])).stdout).toBe('localhost\nwork (default)\n')
  })

  test('that are not there are said to be so', async () => {
    const { code, stderr } = await run(['token', '--profile', 'wrok'])
    expect({ code, stderr }).toEqual({
      code: 78,
      stderr: 'portcullis: there is no profile wrok\nIs work meant?\n',
    })
  })
})

test('status says how things are, without anybody being asked', async () => {
  await run(['token'])
  const { code, stdout } = await run(['status', '-o', 'json'])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    profile: 'work',
    default: true,
    flow: 'command',
    database: 'sandbox',
    state: 'signed-in',
  })
  const text = await run(['status'])
  expect(text.stdout).toMatch(/Connects to\s+localhost:\d+\n/)
  expect(text.stdout).not.toContain('eyJ')
})

test('logout forgets the tokens', async () => {
  await run(['token'])
  expect(await run(['logout'])).toEqual({
    code: 0,
    stdout: '',
    stderr: 'work: the tokens are forgotten.\n',
  })
  expect((await run(['status', '-o', 'json'])).stdout).toContain('"state": "not-needed"')
})

describe('what is called wrongly', () => {
  test.each([
    ['a command that is not there', ['tokn'], 'Did you mean token?'],
    ['a format that is not there', ['token', '--format', 'xml'], 'Allowed choices are raw'],
    ['seconds that are none', ['token', '--min-validity', 'x'], 'number of seconds'],
    ['two of what excludes each other', ['pgpass', '--watch', '--remove'], 'cannot be used with'],
  ])('%s ends with 64', async (_, args, said) => {
    const { code, stdout, stderr } = await run(args)
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
    expect(stderr).toContain(said)
  })
})

async function shell(
  script: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<ClientRun> {
  const child = spawn('sh', ['-c', script], { env: { ...machine.environment, ...environment } })
  const [stdout, stderr] = ['', '']
  const found = { stdout, stderr }
  child.stdout.on('data', (chunk: Buffer) => (found.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (found.stderr += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number]
  return { code, ...found }
}
