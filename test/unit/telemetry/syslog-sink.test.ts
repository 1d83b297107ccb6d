import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Authority, createAuthority } from '../../../demo/certificates.ts'
import { Refusal } from '../../../src/refusal.ts'
import { createAudit } from '../../../src/telemetry/audit.ts'
import type { Audit, AuditOptions } from '../../../src/telemetry/audit.ts'
import type { AuditSink } from '../../../src/telemetry/audit-trail.ts'
import { toDatagram, toSyslog } from '../../../src/telemetry/sinks/syslog-record.ts'
import { parseSyslog, SyslogServer } from '../../support/syslog-server.ts'
import { until } from '../../support/until.ts'
import { asked, end, verified } from './facts.ts'

let folder: string
let authority: Authority
let tls: { cert: string; key: string }
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-syslog-'))
  authority = await createAuthority('syslog test')
  const issued = await authority.issue({ commonName: 'logs' })
  tls = { cert: issued.certificate, key: issued.key }
  writeFileSync(join(folder, 'ca.crt'), authority.certificate)
  const client = await authority.issue({ commonName: 'gate', usage: 'clientAuth' })
  writeFileSync(join(folder, 'client.crt'), client.certificate)
  writeFileSync(join(folder, 'client.key'), client.key)
  const stranger = await createAuthority('another')
  writeFileSync(join(folder, 'other.crt'), stranger.certificate)
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

type SyslogOptions = Extract<AuditSink, { sink: 'syslog' }>

function syslog(
  port: number,
  server: Partial<SyslogOptions['server']> = {},
  limits: Partial<SyslogOptions> = {},
): SyslogOptions {
  const ca = join(folder, 'ca.crt')
  return {
    sink: 'syslog',
    facility: 'authpriv',
    appName: 'portcullis',
    maxPendingBytes: 1_000_000,
    maxPendingLines: 1_000,
    ...limits,
    server: {
      ...{ protocol: 'tls', host: 'localhost', port, maxDatagramBytes: 2_048, timeoutMs: 2_000 },
      ...(server.protocol === undefined && { ca }),
      ...server,
    },
  }
}

interface Fixture {
  readonly audit: Audit
  readonly seen: { recorded: number; dropped: number; recovered: number; errors: Error[] }
}

function create(sink: AuditSink, options: Partial<AuditOptions> = {}): Fixture {
  const seen = { recorded: 0, dropped: 0, recovered: 0, errors: [] as Error[] }
  const audit = createAudit({
    node: 'gw0',
    version: '1.2.3',
    onFailure: 'continue',
    onRecorded: (records) => (seen.recorded += records),
    onDropped: (records) => (seen.dropped += records),
    onError: (error) => seen.errors.push(error),
    onRecovered: () => seen.recovered++,
    closeTimeoutMs: 500,
    sinks: [sink],
    ...options,
  })
  return { audit, seen }
}

describe('a syslog server', () => {
  test.each(['tls', 'tcp'] as const)(
    'gets each record by %s as RFC 5424 has it, with its correlation id',
    async (protocol) => {
      await using server = await SyslogServer.start(protocol === 'tls' ? tls : undefined)
      const { audit, seen } = create(
        syslog(server.port, protocol === 'tls' ? {} : { protocol: 'tcp' }),
      )
      audit.admitted(verified)
      audit.refused(asked, new Refusal('token-expired'))
      audit.ended(verified, end)
      await audit.close()
      await until('all of them', () => server.messages.length === 3)
      expect(server.errors).toEqual([])
      expect(seen).toMatchObject({ recorded: 3, dropped: 0, errors: [] })
      const [logon, refused, logoff] = server.messages
      expect(logon).toMatchObject({
        ...{ priority: 10 * 8 + 6, appName: 'portcullis', processId: String(process.pid) },
        ...{ messageId: 'Logon', elements: { correlation: verified.id, node: 'gw0' } },
      })
      expect(JSON.parse(logon!.message)).toMatchObject({ class_uid: 3002 })
      expect(refused).toMatchObject({
        ...{ priority: 10 * 8 + 5 },
        elements: { status: 'Failure', reason: 'token-expired' },
      })
      expect(logoff?.messageId).toBe('Logoff')
    },
  )

  test('asks for a certificate, and gets that of the gate', async () => {
    const both = { ...tls, ca: authority.certificate, requestCert: true, rejectUnauthorized: true }
    await using server = await SyslogServer.start(both)
    const { audit } = create(
      syslog(server.port, {
        certificate: join(folder, 'client.crt'),
        key: join(folder, 'client.key'),
      }),
    )
    audit.admitted(verified)
    await audit.close()
    await until('the record', () => server.messages.length === 1)
  })

  test.each([
    ['of an authority that is not trusted', { ca: 'other.crt' }],
    ['for another name', { serverName: 'elsewhere.example.com' }],
  ])(
    'with a certificate %s gets nothing',
    async (_, { ca, serverName }: Record<string, string>) => {
      await using server = await SyslogServer.start(tls)
      const { audit, seen } = create(
        syslog(server.port, {
          ...(ca !== undefined && { ca: join(folder, ca) }),
          ...(serverName !== undefined && { serverName }),
        }),
      )
      audit.admitted(verified)
      await until('an error', () => seen.errors.length > 0)
      await audit.close()
      expect(server.messages).toEqual([])
      expect(seen.dropped).toBe(1)
    },
  )

  test('that is away gets everything when it is back, and is told of once', async () => {
    const first = await SyslogServer.start(tls)
    const { port } = first
    const { audit, seen } = create(syslog(port))
    audit.admitted(verified)
    await until('the first', () => first.messages.length === 1)
    await first[Symbol.asyncDispose]()
    await until('an error', () => {
      audit.ended(verified, end)
      return seen.errors.length > 0
    })
    expect(seen.errors).toHaveLength(1)
    expect(seen.errors[0]?.message).toBe(`syslog server tls://localhost:${port}`)
    await using second = await SyslogServer.start(tls, port)
    await until('that it is back', () => seen.recovered === 1)
    await audit.close()
    expect(second.messages.length).toBeGreaterThan(0)
    expect(second.errors).toEqual([])
  })

  test('that is away loses the newest records when there is no room for more', async () => {
    const { audit, seen } = create(syslog(1, {}, { maxPendingLines: 10 }))
    for (let n = 0; n < 25; n++) audit.admitted(verified)
    expect(seen.dropped).toBe(15)
    await audit.close()
    expect(seen.dropped).toBe(25)
  })

  test('that reads nothing holds up nobody for longer than its deadline', async () => {
    await using server = await SyslogServer.start(tls)
    server.isStalled = true
    const { audit, seen } = create(
      syslog(server.port, { timeoutMs: 100 }, { maxPendingBytes: 50_000_000 }),
    )
    const long = { ...verified, role: 'r'.repeat(60_000) }
    for (let n = 0; n < 300; n++) audit.admitted(long)
    await until('an error', () => seen.errors.length > 0)
    await audit.close()
    expect(seen.dropped).toBeGreaterThan(0)
  })

  test('that is away refuses logins where the policy says so, and admits them when it is back', async () => {
    await using first = await SyslogServer.start(tls)
    const { port } = first
    const { audit, seen } = create(syslog(port), { onFailure: 'refuse', recordTimeoutMs: 2_000 })
    await audit.recordAdmission?.(verified)
    await first[Symbol.asyncDispose]()
    await until('it is noticed', async () => {
      await audit.recordAdmission?.(verified).catch(() => {})
      return audit.isRefusing
    })
    await expect(audit.recordAdmission?.(verified)).rejects.toThrow(Refusal)
    await using second = await SyslogServer.start(tls, port)
    await until('that it is back', () => seen.recovered === 1)
    expect(audit.isRefusing).toBe(false)
    await audit.recordAdmission?.(verified)
    await until('the record', () => second.messages.length > 0)
    await audit.close()
  })

  test('gets a datagram for each record, cut where it is too long and within no character', async () => {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const received: Buffer[] = []
    socket.on('message', (datagram: Buffer) => received.push(datagram))
    const { port } = socket.address()
    const { audit, seen } = create(syslog(port, { protocol: 'udp', host: '127.0.0.1' }))
    audit.admitted(verified)
    audit.admitted({ ...verified, role: 'é'.repeat(3_000) })
    await until('both', () => received.length === 2)
    await audit.close()
    socket.close()
    expect(seen).toMatchObject({ recorded: 2, errors: [] })
    expect(parseSyslog(received[0]!.toString()).elements['correlation']).toBe(verified.id)
    expect(received[1]!.length).toBeLessThanOrEqual(2_048)
    expect(received[1]!.toString()).not.toContain('\ufffd')
  })
})

describe('a record of syslog', () => {
  const header = {
    facility: 'local3',
    ...{ appName: 'port cullis', hostName: 'höst\nname', processId: '7' },
  } as const

  const hostile = [
    'alice\n<14>1 2030-01-01T00:00:00Z evil app - - - forged',
    'quote" back\\slash ] bracket',
    '\u2028separator\u202eturned\u0000',
    '\ud800 alone',
  ]

  test.each(hostile)('is one record whatever a client is called: %j', (name) => {
    const record = {
      ...{ time: 0, severity_id: 3, activity_name: name, status: name },
      metadata: { correlation_uid: name },
    }
    const text = toSyslog(`${JSON.stringify(record)}\n`, header)
    expect(text).not.toMatch(/[\n\r\0]/)
    const parsed = parseSyslog(text)
    expect(parsed).toMatchObject({ priority: 19 * 8 + 4, hostName: 'h_st_name' })
    expect(parsed.appName).toBe('port_cullis')
    expect(JSON.parse(parsed.message)).toEqual(record)
  })

  test('that is no JSON is sent all the same', () => {
    expect(parseSyslog(toSyslog('what is this\n', header)).message).toBe('what is this')
  })

  test('as a datagram is as long as it may be', () => {
    expect(toDatagram('abc', 3).toString()).toBe('abc')
    expect(toDatagram('abcd', 3).toString()).toBe('abc')
    expect(toDatagram('abé', 3).toString()).toBe('ab')
    expect(toDatagram('aé', 3).toString()).toBe('aé')
  })
})
