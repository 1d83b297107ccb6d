import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Refusal } from '../../../src/refusal.ts'
import type { SessionFacts } from '../../../src/session/observer.ts'
import { createAudit } from '../../../src/telemetry/audit.ts'
import type { AdministrativeAct, Audit, AuditOptions } from '../../../src/telemetry/audit.ts'
import { asked, end, issuer, opened, verified } from './facts.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-audit-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

interface Fixture {
  readonly audit: Audit
  readonly file: string
  readonly seen: { recorded: number; dropped: number; errors: Error[] }
}

let files = 0

function create(options: Partial<AuditOptions> = {}, path?: string): Fixture {
  const file = path ?? join(folder, 'deep', `${++files}.jsonl`)
  const seen = { recorded: 0, dropped: 0, errors: [] as Error[] }
  const audit = createAudit({
    node: 'gw0',
    version: '1.2.3',
    onFailure: 'continue',
    onRecorded: (records) => (seen.recorded += records),
    onDropped: (records) => (seen.dropped += records),
    onError: (error) => seen.errors.push(error),
    ...options,
    sinks: [{ sink: 'file', file }],
  })
  return { audit, file, seen }
}

interface AuditRecord {
  readonly time: number
  readonly severity: string
  readonly auth_protocol: string
  readonly is_cleartext?: boolean
  readonly metadata: { readonly uid: string }
  readonly user: { readonly name: string; readonly uid?: string }
}

function read(file: string): AuditRecord[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  expect(lines.pop()).toBe('')
  return lines.map((line) => JSON.parse(line) as AuditRecord)
}

describe('an audit record', () => {
  test('that stands for others counts them, and says where they came from', async () => {
    const { audit, file } = create()
    const since = new Date(opened.openedAt.getTime() - 500)
    const addresses = new Map([['192.0.2.7', 40]])
    const standsFor = { since, count: 42, addresses, otherAddresses: 2 }
    audit.refused({ ...opened, standsFor }, new Refusal('throttled'))
    audit.refused(opened, new Refusal('throttled'))
    await audit.close()
    const [record, single] = read(file)
    expect(record).toMatchObject({
      count: 42,
      severity: 'Medium',
      status_detail: 'throttled',
      start_time: since.getTime(),
      unmapped: { portcullis: { addresses: { '192.0.2.7': 40 }, other_addresses: 2 } },
    })
    for (const name of ['count', 'end_time']) expect(single).not.toHaveProperty(name)
  })

  test.each([
    ['that was relayed', 'relayed', false, 'Informational'],
    ['that was read', 'read', false, 'Informational'],
    ['of somebody who is excepted from single sign-on', 'relayed', true, 'Medium'],
  ] as const)(
    'of a password %s is one of what it is',
    async (_, travelled, isBreakGlass, severity) => {
      const { audit, file } = create()
      const session: SessionFacts = {
        ...asked,
        credential: 'password',
        password: { travelled, isBreakGlass },
      }
      audit.admitted(session)
      audit.ended(session, end)
      await audit.close()
      const [logon, logoff] = read(file)
      const password = { credential: 'password', password_travelled: travelled }
      expect(logon).toMatchObject({ severity, unmapped: { portcullis: password } })
      expect(JSON.stringify(logon).includes('"break_glass":true')).toBe(isBreakGlass)
      expect(logoff).toMatchObject({ severity: 'Informational' })
    },
  )

  test('of a login that succeeded is an OCSF logon', async () => {
    const { audit, file, seen } = create()
    audit.admitted(verified)
    await audit.close()
    const record = read(file)[0]!
    expect(record).toMatchObject({
      class_uid: 3002,
      category_uid: 3,
      activity_id: 1,
      activity_name: 'Logon',
      type_uid: 300_201,
      severity_id: 1,
      status_id: 1,
      status: 'Success',
      status_code: '00000',
      metadata: {
        version: '1.1.0',
        product: { name: 'Portcullis', vendor_name: 'Portcullis', version: '1.2.3' },
        correlation_uid: verified.id,
      },
      user: {
        name: 'alice',
        uid: 'auth0|alice',
        groups: [{ name: 'readonly' }, { name: 'readwrite' }],
      },
      auth_protocol: 'OpenID',
      auth_protocol_id: 4,
      is_cleartext: false,
      src_endpoint: { ip: '192.0.2.7', port: 50123 },
      dst_endpoint: { ip: '198.51.100.1', port: 6432, name: 'gw0' },
      session: {
        uid: verified.id,
        created_time: verified.openedAt.getTime(),
        expiration_time: verified.identity!.expiresAt.getTime(),
        issuer,
      },
      unmapped: {
        portcullis: {
          issuer,
          subject: 'auth0|alice',
          principal: 'alice',
          groups: ['readonly', 'readwrite'],
          role: 'app_readwrite',
          database: 'sandbox',
          requested_user: 'id_token',
          pool: 'sso_pool',
          integration: 'sso_m2m',
          credential: 'token',
          tls_version: 'TLSv1.3',
          upstream_backend_pid: 4711,
          token_id_hash: 'c0ffee',
        },
      },
    })
    expect(Math.abs(record.time - Date.now())).toBeLessThan(10_000)
    expect(record.metadata.uid).toMatch(/^[\da-f-]{36}$/)
    expect(seen).toEqual({ recorded: 1, dropped: 0, errors: [] })
  })

  test('of a session on a Unix socket has names in place of addresses', async () => {
    const { audit, file } = create()
    const unix_socket = '/run/portcullis/.s.PGSQL.6432'
    audit.admitted({
      ...verified,
      peer: { address: 'unix', port: 0 },
      listener: { address: unix_socket, port: 6432 },
    })
    await audit.close()
    const [record] = read(file)
    expect(record).toMatchObject({
      src_endpoint: { name: 'unix' },
      dst_endpoint: { port: 6432, name: 'gw0' },
      is_remote: false,
      session: { is_remote: false },
      unmapped: { portcullis: { peer: 'unix', unix_socket } },
    })
    expect(JSON.stringify(record)).not.toContain('"ip"')
  })

  test('of a refusal has the SQLSTATE, the reason and what the log would say', async () => {
    const { audit, file } = create()
    audit.refused(asked, new Refusal('token-audience', { logDetail: 'aud was ["other"]' }))
    await audit.close()
    expect(read(file)).toMatchObject([
      {
        type_uid: 300_201,
        status_id: 2,
        status: 'Failure',
        status_code: '28P01',
        status_detail: 'token-audience',
        user: { name: 'id_token', type_id: 0 },
        unmapped: { portcullis: { reason: 'token-audience', log_detail: 'aud was ["other"]' } },
      },
    ])
  })

  test.each([
    ['client-lost', '00000'],
    ['drain', '57P01'],
    ['token-expired', '57P01'],
    ['session-lifetime', '57P01'],
    ['idle', '57P05'],
    ['idle-in-transaction', '25P03'],
  ] as const)(
    'of the end by %s has the code that the client was told: %s',
    async (reason, code) => {
      const { audit, file } = create()
      audit.ended(verified, { ...end, reason })
      await audit.close()
      expect(read(file)).toMatchObject([{ status_code: code, status_detail: reason }])
    },
  )

  test('of an end is a logoff with bytes and duration', async () => {
    const { audit, file } = create()
    audit.ended(verified, end)
    await audit.close()
    expect(read(file)).toMatchObject([
      {
        activity_id: 2,
        type_uid: 300_202,
        status_detail: 'client-closed',
        duration: 7890,
        unmapped: {
          portcullis: {
            end_reason: 'client-closed',
            bytes_from_frontend: 123,
            bytes_from_upstream: 456,
            duration_ms: 7890,
          },
        },
      },
    ])
  })

  test.each([
    ['no credential', opened, 'Unknown', undefined],
    ['a password', { ...asked, credential: 'password' }, 'PostgreSQL password', false],
    ['a token without TLS', { ...opened, credential: 'token' }, 'OpenID', true],
  ] as [string, SessionFacts, string, boolean | undefined][])(
    'names the protocol of %s',
    async (_, session, protocol, isCleartext) => {
      const { audit, file } = create()
      audit.refused(session, new Refusal('malformed-startup'))
      await audit.close()
      const record = read(file)[0]!
      expect(record.auth_protocol).toBe(protocol)
      expect(record.is_cleartext).toBe(isCleartext)
      expect(record.user.name).toBeTypeOf('string')
    },
  )

  test.each([
    ['role-not-allowed', 'Medium'],
    ['token-signature', 'Medium'],
    ['token-expired', 'Low'],
    ['upstream-timeout', 'Low'],
  ] as const)('of %s is of severity %s', async (reason, severity) => {
    const { audit, file } = create()
    audit.refused(asked, new Refusal(reason))
    await audit.close()
    expect(read(file)[0]!.severity).toBe(severity)
  })

  test('stays one line whatever the names are, and keeps them exactly', async () => {
    const { audit, file } = create()
    const subject = 'a\nb\u2028c\u202ed\u{e0041}"'
    audit.admitted({ ...verified, identity: { ...verified.identity!, subject } })
    await audit.close()
    expect(readFileSync(file, 'utf8').trimEnd()).toMatch(/^[\u0020-\u007e]+$/)
    expect(read(file)[0]!.user.uid).toBe(subject)
  })

  test('has no more of a name that nobody vouches for than one can read', async () => {
    const { audit, file } = create()
    audit.refused(
      { ...asked, requested: { ...asked.requested!, user: 'x'.repeat(9000) } },
      new Refusal('token-malformed'),
    )
    await audit.close()
    expect(statSync(file).size).toBeLessThan(4096)
  })
})

describe('the sink', () => {
  test('gets one line for each decision and each end, and nothing for the rest', async () => {
    const { audit, file } = create()
    audit.opened(opened)
    audit.stage('tls', 1, opened, 'ok')
    audit.abandoned(opened)
    audit.cancelled(opened, 'forwarded')
    audit.admitted(verified)
    audit.ended(verified, end)
    await audit.close()
    expect(read(file)).toHaveLength(2)
  })

  test('loses nothing that was recorded before it is closed', async () => {
    const { audit, file, seen } = create()
    for (let n = 0; n < 2000; n += 1) audit.admitted(verified)
    await audit.close()
    expect(read(file)).toHaveLength(2000)
    expect(seen).toEqual({ recorded: 2000, dropped: 0, errors: [] })
  })

  test('appends to what is there, and others on the machine may not read it', async () => {
    const first = create()
    first.audit.admitted(verified)
    await first.audit.close()
    const second = create({}, first.file)
    second.audit.admitted(verified)
    await second.audit.close()
    expect(read(first.file)).toHaveLength(2)
    expect(statSync(first.file).mode & 0o007).toBe(0)
  })

  test('goes on in a new file after a rotation, without a gap', async () => {
    const { audit, file, seen } = create()
    for (let n = 0; n < 300; n += 1) audit.admitted(verified)
    renameSync(file, `${file}.1`)
    audit.reopen()
    for (let n = 0; n < 200; n += 1) audit.admitted(verified)
    await audit.close()
    expect(read(`${file}.1`)).toHaveLength(300)
    expect(read(file)).toHaveLength(200)
    expect(seen.recorded).toBe(500)
  })

  test('keeps the old file when the new one cannot be opened', async () => {
    const { audit, file, seen } = create()
    renameSync(join(file, '..'), `${folder}/moved`)
    const blocked = create({}, join(folder, 'deep'))
    audit.reopen()
    audit.admitted(verified)
    await audit.close()
    await blocked.audit.close()
    rmSync(join(folder, 'deep'))
    expect(seen.errors).toHaveLength(1)
    expect(read(join(folder, 'moved', file.slice(file.lastIndexOf('/') + 1)))).toHaveLength(1)
  })

  test('has everything written when a flush resolves', async () => {
    const { audit, file } = create()
    for (let n = 0; n < 100; n += 1) audit.admitted(verified)
    await audit.flush()
    expect(read(file)).toHaveLength(100)
    await audit.flush()
    await audit.close()
  })

  test('counts what finds no room', async () => {
    const { audit, file, seen } = create({ maxPendingBytes: 10_000 })
    for (let n = 0; n < 100; n += 1) audit.admitted(verified)
    await audit.close()
    expect(seen.dropped).toBeGreaterThan(50)
    expect(seen.recorded + seen.dropped).toBe(100)
    expect(read(file)).toHaveLength(seen.recorded)
  })

  test('counts what comes after it is closed', async () => {
    const { audit, seen } = create()
    await audit.close()
    audit.admitted(verified)
    await audit.close()
    await audit.flush()
    expect(seen.dropped).toBe(1)
  })

  test.skipIf(!existsSync('/dev/full'))('survives a full disk and says so once', async () => {
    const { audit, seen } = create({}, '/dev/full')
    for (let n = 0; n < 5; n += 1) {
      audit.admitted(verified)
      await audit.flush()
    }
    expect(seen.errors.map((error) => (error as NodeJS.ErrnoException).code)).toEqual(['ENOSPC'])
    await audit.close()
    expect(seen.dropped).toBe(5)
    expect(seen.recorded).toBe(0)
  })

  describe('that refuses where it cannot write', () => {
    test('has the record before it says that a session may be, and has it once', async () => {
      const { audit, file } = create({ onFailure: 'refuse' })
      await audit.recordAdmission?.(verified)
      expect(read(file)).toHaveLength(1)
      audit.admitted(verified)
      await audit.close()
      expect(read(file)).toHaveLength(1)
      expect(audit.isRefusing).toBe(false)
    })

    test('answers those that wait together', async () => {
      const { audit, file } = create({ onFailure: 'refuse' })
      const waiting = Array.from({ length: 50 }, async () => audit.recordAdmission?.(verified))
      await Promise.all(waiting)
      expect(read(file)).toHaveLength(50)
      await audit.close()
    })

    test.skipIf(!existsSync('/dev/full'))('lets nobody in on a full disk', async () => {
      const { audit, seen } = create({ onFailure: 'refuse' }, '/dev/full')
      const refused = { reason: 'audit-unavailable', sqlstate: '57P03' }
      await expect(audit.recordAdmission?.(verified)).rejects.toMatchObject(refused)
      expect(audit.isRefusing).toBe(true)
      await expect(audit.recordAdmission?.(verified)).rejects.toMatchObject(refused)
      expect(seen.errors).toHaveLength(1)
      await audit.close()
    })

    test('lets nobody in when there is no room for the record', async () => {
      const { audit } = create({ onFailure: 'refuse', maxPendingBytes: 10 })
      const refused = { reason: 'audit-unavailable' }
      await expect(audit.recordAdmission?.(verified)).rejects.toMatchObject(refused)
      expect(audit.isRefusing).toBe(false)
      await audit.close()
    })

    test('lets nobody in when the audit is closed', async () => {
      const { audit } = create({ onFailure: 'refuse' })
      await audit.close()
      const refused = { reason: 'audit-unavailable' }
      await expect(audit.recordAdmission?.(verified)).rejects.toMatchObject(refused)
    })

    test.skipIf(process.platform === 'win32')('waits for its deadline and no longer', async () => {
      const fifo = join(folder, 'stuck')
      execFileSync('mkfifo', [fifo])
      // Open on both sides, and never read: a pipe takes so much and no more.
      const reader = openSync(fifo, 'r+')
      const { audit } = create(
        { onFailure: 'refuse', recordTimeoutMs: 50, closeTimeoutMs: 50 },
        fifo,
      )
      const attempts = 200
      const outcomes = await Promise.allSettled(
        Array.from({ length: attempts }, async () => audit.recordAdmission?.(verified)),
      )
      const late = outcomes.filter(({ status }) => status === 'rejected')
      expect(late.length).toBeGreaterThan(0)
      expect(late.length).toBeLessThan(attempts)
      const unblocking = setInterval(() => readSync(reader, Buffer.alloc(65_536)), 5)
      await audit.close()
      clearInterval(unblocking)
      closeSync(reader)
    })

    test('that is none refuses nobody', async () => {
      const audit = createAudit({
        sinks: [],
        onFailure: 'refuse',
        node: 'gw0',
        version: '1',
        onDropped: () => expect.fail(),
        onError: () => expect.fail(),
      })
      expect(audit.recordAdmission).toBeUndefined()
      await audit.close()
    })
  })

  test('is refused at the start when the file cannot be opened', () => {
    expect(() => create({}, '/dev/null/audit.jsonl')).toThrow()
  })

  test('may be none', async () => {
    const audit = createAudit({
      sinks: [],
      node: 'gw0',
      version: '1',
      onFailure: 'continue',
      onDropped: () => expect.fail(),
      onError: () => expect.fail(),
    })
    audit.admitted(verified)
    audit.reopen()
    await audit.flush()
    await audit.close()
  })
})

describe('standard output', () => {
  const program = `
    import { createAudit } from ${JSON.stringify(new URL('../../../src/telemetry/audit.ts', import.meta.url))}
    import { verified } from ${JSON.stringify(new URL('facts.ts', import.meta.url))}
    let dropped = 0
    const audit = createAudit({ sinks: [{ sink: 'stdout' }], onFailure: 'continue', node: 'gw0', version: '1',
      onDropped: (records) => { dropped += records },
      onError: (error) => { console.error(error.code) } })
    process.once('SIGUSR2', async () => {
      for (let n = 0; n < 500; n += 1) audit.admitted(verified)
      await audit.close()
      console.error('dropped', dropped)
      process.exit(0)
    })
    setInterval(() => {}, 1000)
    console.error('ready')
  `

  interface Result {
    readonly code: unknown
    readonly stdout: string
    readonly stderr: string
  }

  async function run(isRead: boolean): Promise<Result> {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    if (isRead) child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
      if (!text.includes('ready')) return
      if (!isRead) child.stdout.destroy()
      child.kill('SIGUSR2')
    })
    const [code] = (await once(child, 'close')) as unknown[]
    return { code, stdout, stderr }
  }

  test('gets every record before the process exits', async () => {
    const { code, stdout, stderr } = await run(true)
    expect(stdout.trimEnd().split('\n')).toHaveLength(500)
    expect(stderr).toContain('dropped 0')
    expect(code).toBe(0)
  })

  test('may be closed by its reader, which the process survives and counts', async () => {
    const { code, stderr } = await run(false)
    expect(stderr).toContain('EPIPE')
    expect(stderr).toContain('dropped 500')
    expect(code).toBe(0)
  })
})

describe('what somebody does at the console', () => {
  const act: AdministrativeAct = {
    ...{ act: 'revoke', by: 'carol', way: 'sso', session: 'console-1', address: '192.0.2.9' },
    ...{ issuer, subject: 'auth0|carol', criteria: { subject: 'auth0|alice' } },
    until: '2030-01-01T00:00:00.000Z',
  }

  test.each(['continue', 'refuse'] as const)('is a record (%s)', async (onFailure) => {
    const { audit, file } = create({ onFailure })
    await audit.recordAct(act)
    await audit.close()
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      class_name: 'API Activity',
      type_uid: 600_399,
      actor: { user: { name: 'carol', uid: 'auth0|carol' }, session: { uid: 'console-1', issuer } },
      api: { operation: 'revoke' },
      src_endpoint: { ip: '192.0.2.9' },
      unmapped: { portcullis: { criteria: act.criteria, until: act.until } },
    })
  })

  test('cannot be done without a record where there must be one', async () => {
    const { audit } = create({ onFailure: 'refuse' }, '/dev/full')
    await expect(audit.recordAct(act)).rejects.toMatchObject({ reason: 'audit-unavailable' })
    await audit.close()
  })

  test('can where there need be none', async () => {
    const { audit } = create({}, '/dev/full')
    await audit.recordAct(act)
    await audit.close()
  })
})
