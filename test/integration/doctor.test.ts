// `portcullis doctor` at a server that is open in every way, and at one that has what `ca pg-config` prints.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext, TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { type Authority, createAuthority } from '../../demo/certificates.ts'
import { type PostgresServer, startPostgres } from '../../demo/postgres.ts'
import { seedDatabase } from '../../demo/seed.ts'
import { serversOf, writePgConfig } from '../../src/cli/pg-config.ts'
import { readConfig } from '../../src/cli/read-config.ts'
import type { DoctorFinding } from '../../src/inspection/doctor-finding.ts'
import { type DoctorOptions, examine } from '../../src/inspection/examine.ts'
import { mintAuthority } from '../../src/upstream/mint-certificate.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

let folder: string
let authority: Authority
let postgres: PostgresServer
let passwords: Readonly<Record<string, string>>
/** What `ca pg-config` prints, by its parts. */
let printed: readonly string[]
let written = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-doctor-'))
  authority = await createAuthority('portcullis test')
  await writeFile(join(folder, 'ca.crt'), authority.certificate)
  postgres = await startPostgres({ tls: await authority.issue({ commonName: 'localhost' }) })
  ;({ passwords } = await seedDatabase(postgres))
  const nowMs = Date.now()
  const own = await mintAuthority('upstream', {
    notBefore: new Date(nowMs - 60_000),
    notAfter: new Date(nowMs + 3_600_000),
  })
  await writeFile(join(folder, 'upstream-ca.crt'), own.certificate)
  await writeFile(join(folder, 'upstream-ca.key'), own.key, { mode: 0o600 })
  const [server] = serversOf(readConfig(await write()).config)
  printed = writePgConfig(server!, [], own.certificate).split(/^# \d\. .*\n/m)
  await writeFile(serverFile('portcullis-ca.crt'), printed[2]!)
  await appendFile(serverFile('postgresql.conf'), printed[1]!)
}, 60_000)

afterAll(async () => {
  await postgres[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const serverFile = (name: string): string => join(postgres.folder, 'data', name)

const ownCertificates = {
  method: 'certificate',
  ca_certificate: 'upstream-ca.crt',
  ca_key: 'upstream-ca.key',
}

async function write(
  auth: object = ownCertificates,
  changes: { readonly upstream?: object; readonly pool?: object } = {},
): Promise<string> {
  const pool = {
    require_sso: true,
    participants: [{ node: 'gw0', listen_address: '127.0.0.1', listen_port: 0 }],
    ...changes.pool,
  }
  const upstream = {
    host: 'localhost',
    port: postgres.port,
    ca: 'ca.crt',
    auth,
    ...changes.upstream,
  }
  const config = {
    node: 'gw0',
    tls: { certificate: 'server.crt', key: 'server.key' },
    groups: { readonly: { role: 'app_readonly' }, readwrite: { role: 'app_readwrite' } },
    databases: { sandbox: { upstream } },
    connectivity_pools: { main: pool },
  }
  written += 1
  const file = join(folder, `doctor-${written}.yaml`)
  await writeFile(file, stringify(config))
  return file
}

/** For `postgres.sql` alone, behind whatever is to be found. */
const superuserLine = 'hostnossl postgres postgres 127.0.0.1/32 scram-sha-256'

async function serve(hba: readonly string[], ident = '', settings = ''): Promise<void> {
  await writeFile(serverFile('pg_hba.conf'), `${[...hba, superuserLine].join('\n')}\n`)
  await writeFile(serverFile('pg_ident.conf'), ident)
  await writeFile(serverFile('postgresql.auto.conf'), settings)
  const loadedAt = async (): Promise<string> =>
    JSON.stringify(await postgres.sql('select pg_conf_load_time()::text'))
  const before = await loadedAt()
  await postgres.sql('select pg_reload_conf()')
  await until('the server has reloaded', async () => (await loadedAt()) !== before)
  const errors = await postgres.sql(
    `select error from pg_hba_file_rules where error is not null
     union all select error from pg_ident_file_mappings where error is not null`,
  )
  expect(errors).toEqual([])
}

async function asPrinted(before: readonly string[] = []): Promise<void> {
  await serve([...before, ...printed[3]!.split('\n')], printed[4])
}

async function find(
  file: string,
  changes: Partial<DoctorOptions> = {},
): Promise<readonly DoctorFinding[]> {
  const options = { databases: [], administrator: undefined, isOutside: false, timeoutMs: 60_000 }
  const findings = await examine(readConfig(file).config, { ...options, ...changes })
  for (const secret of [...Object.values(passwords), postgres.superuser.password]) {
    expect(JSON.stringify(findings)).not.toContain(secret)
  }
  return findings
}

const administrator = (): DoctorOptions['administrator'] => ({
  user: 'dba',
  password: postgres.superuser.password,
})

function holes(findings: readonly DoctorFinding[]): readonly string[] {
  return findings
    .filter(({ verdict }) => verdict === 'hole')
    .map(({ tried, answer }) => `${tried}: ${answer}`)
}

function unknown(findings: readonly DoctorFinding[]): readonly DoctorFinding[] {
  return findings.filter(({ verdict }) => verdict === 'unknown')
}

describe('a server with what `ca pg-config` prints', () => {
  test('is open in no way, and takes the certificates that it should', async () => {
    await asPrinted()
    const findings = await find(await write())
    expect(holes(findings)).toEqual([])
    expect(unknown(findings)).toEqual([])
    expect(findings[0]).toMatchObject({
      tried: 'TLS 1.0 and 1.1',
      answer: 'ends the connection: TLS alert, protocol version',
    })
    expect(findings.map(({ tried }) => tried)).toEqual(
      expect.arrayContaining([
        'role "app_readonly", without TLS',
        'role "app_readonly", over TLS with nothing to show',
        'role "app_readonly", with its own certificate',
        'role "app_readonly", with a certificate of another authority',
        'role "app_readonly", with a certificate that has expired',
        'role "app_readonly", with a certificate for role "app_readwrite"',
        'role "postgres", without TLS',
        'role "postgres", with a certificate for it',
      ]),
    )
  })

  test('has no password left and no line for others, as an administrator sees it', async () => {
    await postgres.sql(
      `create role dba login superuser password '${postgres.superuser.password}'; ${printed[5]!}`,
    )
    await asPrinted(['hostssl all dba 127.0.0.1/32 scram-sha-256', 'hostnossl all dba all reject'])
    const findings = await find(await write(), { administrator: administrator() })
    expect(holes(findings)).toEqual([])
    expect(unknown(findings)).toEqual([])
    const byTried = new Map(findings.map((one) => [one.tried, one.answer]))
    expect(byTried.get('passwords of roles')).toContain('no role of a session has one')
    expect(byTried.get('role "app_readonly", every line that a login without TLS could meet')).toBe(
      'all of them reject',
    )
  })

  test('has a hole again as soon as a role has a password, or another line comes first', async () => {
    await postgres.sql(`alter role app_readonly password 'again'`)
    await asPrinted([
      'hostssl all dba 127.0.0.1/32 scram-sha-256',
      'hostssl sandbox app_readwrite 10.9.8.7/32 scram-sha-256',
      'host sandbox app_readonly 10.9.8.7/32 trust',
    ])
    const findings = await find(await write(), { administrator: administrator() })
    await postgres.sql('alter role app_readonly password null')
    const found = holes(findings).map((one) => one.replaceAll(/\/\S*(?=pg_hba)/g, ''))
    expect(found).toEqual([
      expect.stringMatching(/^role "app_readonly", every .* without TLS .* trust$/),
      expect.stringMatching(/^role "app_readonly", every .* over TLS .* line 3: host .* trust$/),
      expect.stringMatching(/^role "app_readwrite", every .* over TLS .* line 2: .*scram-sha-256$/),
      'passwords of roles: role "app_readonly"',
    ])
    const fixes = findings.flatMap(({ fix }) => fix)
    expect(fixes).toContain('ALTER ROLE "app_readonly" PASSWORD NULL;')
    expect(fixes).toContain('hostnossl "sandbox" "app_readonly" all reject')
    expect(fixes).toContain('host "sandbox" "app_readwrite" all reject')
  })
})

describe('a server that is open', () => {
  test('lets in with nothing at all: every role, with and without TLS', async () => {
    await serve(['host all all all trust'])
    const findings = await find(await write())
    for (const role of ['app_readonly', 'app_readwrite', 'postgres']) {
      expect(holes(findings)).toContain(`role "${role}", without TLS: lets in`)
      expect(holes(findings)).toContain(`role "${role}", over TLS with nothing to show: lets in`)
    }
    const [fix] = findings.filter(
      ({ tried }) => tried === 'role "app_readonly", over TLS with nothing to show',
    )
    expect(fix!.fix).toEqual([
      'pg_hba.conf, above every other line that could match:',
      'hostssl "sandbox" "app_readonly" <addresses of Portcullis> cert clientcert=verify-full map=portcullis',
      'host "sandbox" "app_readonly" all reject',
    ])
  })

  test('asks for a password, where a certificate should be the only way', async () => {
    await serve(['host all all all scram-sha-256'])
    const from = postgres.log().length
    const findings = await find(await write())
    expect(holes(findings)).toEqual(
      expect.arrayContaining([
        'role "app_readonly", without TLS: asks for scram-sha-256',
        'role "app_readonly", over TLS with nothing to show: asks for scram-sha-256: whoever has a password of the role needs no Portcullis',
        'role "postgres", over TLS with nothing to show: asks for scram-sha-256: whoever has a password of the role needs no Portcullis',
      ]),
    )
    const tries = (role: string) =>
      postgres.log().slice(from).split(`password authentication failed for user "${role}"`).length -
      1
    expect(tries('app_readonly')).toBe(1)
    expect(tries('postgres')).toBe(0)
  })

  test('takes a certificate for anybody, since pg_ident.conf has a line for all', async () => {
    await serve(
      ['hostssl all all all cert clientcert=verify-full map=portcullis'],
      'portcullis /^.*$ all\n',
    )
    const found = holes(await find(await write()))
    expect(found).toContain(
      'role "app_readonly", with a certificate for role "app_readwrite": lets in',
    )
    expect(found.some((one) => one.includes('with a certificate for role "nobody-'))).toBe(true)
    expect(found).toContain('role "postgres", with a certificate for it: lets in')
    expect(found.some((one) => one.includes('another authority'))).toBe(false)
  })

  test('asks for a password in the clear, or for its MD5', async () => {
    const file = await write({ method: 'password', passwords })
    await serve(['hostssl sandbox app_readonly all password', 'hostssl sandbox all all md5'])
    const found = holes(await find(file))
    expect(found).toContain(
      'role "app_readonly", over TLS with nothing to show: asks for cleartext: what answers it gives the password away',
    )
    // A verifier of SCRAM-SHA-256 makes `md5` ask for that.
    expect(found.filter((one) => one.includes('app_readwrite'))).toEqual([])
  })

  test('speaks TLS 1.1', async () => {
    await serve(
      printed[3]!.split('\n'),
      printed[4],
      "ssl_min_protocol_version = 'TLSv1'\nssl_ciphers = 'DEFAULT@SECLEVEL=0'\n",
    )
    const findings = await find(await write())
    expect(holes(findings)).toEqual(['TLS 1.0 and 1.1: the server speaks it'])
  })
})

describe('a server where passwords are the method', () => {
  test('is closed to whoever has none', async () => {
    await serve(['hostssl sandbox app_readonly,app_readwrite all scram-sha-256'])
    await postgres.sql(
      Object.entries(passwords)
        .map(([role, password]) => `alter role ${role} password '${password}'`)
        .join('; '),
    )
    const file = await write({ method: 'password', passwords })
    const findings = await find(file)
    expect(holes(findings)).toEqual([])
    expect(unknown(findings)).toEqual([])
    expect(holes(await find(file, { isOutside: true }))).toEqual([
      'role "app_readonly", over TLS with nothing to show: asks for scram-sha-256: whoever has a password of the role needs no Portcullis',
      'role "app_readwrite", over TLS with nothing to show: asks for scram-sha-256: whoever has a password of the role needs no Portcullis',
    ])
  })
})

/** A server of few words; `onStartup` answers what comes behind TLS. */
async function fakeServer(onStartup: (socket: TLSSocket) => void): Promise<Server> {
  const { certificate, key } = await authority.issue({ commonName: 'localhost' })
  const secureContext = createSecureContext({ cert: certificate, key })
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (first) => {
      // An SSLRequest; whoever comes without one gets no answer.
      if (first.length !== 8) return
      socket.write('S')
      const secured = new TLSSocket(socket, { isServer: true, secureContext })
      secured.on('error', () => {})
      secured.once('data', () => {
        onStartup(secured)
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function examineFake(
  onStartup: (socket: TLSSocket) => void,
): Promise<readonly DoctorFinding[]> {
  const server = await fakeServer(onStartup)
  const { port } = server.address() as AddressInfo
  const upstream = { port, connect_timeout: '500ms' }
  try {
    return await find(await write({ method: 'password', passwords }, { upstream }))
  } finally {
    server.close()
  }
}

describe('a server that is none of PostgreSQL', () => {
  test('lets in with any password', async () => {
    const ok = Buffer.from(
      'R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x01\0\0\0\x01Z\0\0\0\x05I',
      'latin1',
    )
    const findings = await examineFake((socket) => {
      socket.write(Buffer.from('R\0\0\0\x08\0\0\0\x03', 'latin1'))
      socket.once('data', () => socket.write(ok))
    })
    const tried = 'role "app_readonly", over TLS with a wrong password'
    expect(holes(findings)).toContain(`${tried}: lets in with a password that nobody has`)
  })

  test('says nothing, for no longer than `connect_timeout`', async () => {
    const begunMs = performance.now()
    const findings = await examineFake(() => {})
    expect(performance.now() - begunMs).toBeLessThan(10_000)
    expect(holes(findings)).toEqual([])
    expect(unknown(findings).map(({ tried }) => tried)).toEqual(
      expect.arrayContaining([
        'role "app_readonly", without TLS',
        'role "app_readonly", over TLS with nothing to show',
      ]),
    )
  })
})

describe('the command', () => {
  test('prints what is open and what closes it, and exits with 1', async () => {
    await serve(['host all all all trust'])
    const args = [program, 'doctor', '-c', await write()]
    const failed = await run(process.execPath, args).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 1, stderr: '' })
    const { stdout } = failed as { readonly stdout: string }
    expect(stdout).toContain('HOLE     role "app_readonly", without TLS\n')
    expect(stdout).toContain('hostnossl "sandbox" "app_readonly" all reject')
  })

  test('cannot find out what nobody answers', async () => {
    const file = await write(undefined, { upstream: { port: 1, connect_timeout: '1s' } })
    const findings = await find(file)
    expect(holes(findings)).toEqual([])
    expect(unknown(findings).map(({ answer }) => answer)).toContainEqual(
      expect.stringContaining('ECONNREFUSED'),
    )
  })

  test('tries nothing new when the time is up', async () => {
    const findings = await find(await write(), { timeoutMs: 0 })
    expect(findings.filter(({ verdict }) => verdict !== 'note')).not.toEqual([])
    expect(unknown(findings).map(({ answer }) => answer)).toContain('not tried: the time is up')
    expect(holes(findings)).toEqual([])
  })
})
