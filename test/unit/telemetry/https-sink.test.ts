import { once } from 'node:events'
import { createServer } from 'node:https'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority } from '../../../demo/certificates.ts'
import { composeAudit } from '../../../src/compose-audit.ts'
import type { Config } from '../../../src/config/index.ts'
import { Refusal } from '../../../src/refusal.ts'
import { type Audit, type AuditOptions, createAudit } from '../../../src/telemetry/audit.ts'
import { readRetryAfter } from '../../../src/telemetry/sinks/https-sink.ts'
import { until } from '../../support/until.ts'
import { verified } from './facts.ts'

interface Request {
  readonly headers: IncomingMessage['headers']
  readonly records: readonly { readonly metadata: { readonly uid: string } }[]
  readonly atMs: number
}

let folder: string
let url: string
let answer: (response: ServerResponse, request: Request) => void
let requests: Request[] = []
const ok = (response: ServerResponse): void => void response.writeHead(204).end()
let stop: () => void

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-https-'))
  const authority = await createAuthority('collector test')
  const issued = await authority.issue({ commonName: 'collector' })
  writeFileSync(join(folder, 'ca.crt'), authority.certificate)
  const server = createServer(
    { cert: issued.certificate, key: issued.key },
    (request, response) => {
      void buffer(request).then((bytes) => {
        const isCompressed = request.headers['content-encoding'] === 'gzip'
        const text = (isCompressed ? gunzipSync(bytes) : bytes).toString()
        const isArray = request.headers['content-type'] === 'application/json'
        const lines = isArray ? [] : text.trimEnd().split('\n')
        const records = (
          isArray ? JSON.parse(text) : lines.map((line) => JSON.parse(line) as unknown)
        ) as Request['records']
        const read = { headers: request.headers, records, atMs: performance.now() }
        requests.push(read)
        answer(response, read)
      })
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `https://localhost:${(server.address() as { port: number }).port}/audit`
  stop = () => {
    server.closeAllConnections()
    server.close()
  }
  return () => {
    stop()
    rmSync(folder, { recursive: true })
  }
})
afterEach(() => {
  requests = []
  answer = ok
})
afterAll(() => {
  stop()
})

type Written = Extract<Config['audit']['sinks'][number], { sink: 'https' }>

function create(
  changes: Partial<Written> = {},
  options: Partial<AuditOptions> = {},
  authorization: () => string | undefined = () => 'Bearer collect',
): { audit: Audit; seen: { recorded: number; dropped: number; errors: Error[] } } {
  const sink = (): Written => ({
    ...{ sink: 'https', url, ca: join(folder, 'ca.crt'), format: 'ndjson', gzip: false },
    ...{ batch: 100, batch_delay: 20, timeout: 1_000, buffer: 1_000_000, buffer_records: 1_000 },
    ...{ proxy: undefined, proxy_url: undefined, on_failure: undefined },
    authorization: authorization(),
    ...changes,
  })
  const audit = (): Config['audit'] => ({
    ...{ on_failure: 'continue', chain: false, chain_keys: [], sinks: [sink()] },
  })
  const seen = { recorded: 0, dropped: 0, errors: [] as Error[] }
  const trail = createAudit({
    // Nothing else of it is looked at.
    ...composeAudit(() => ({ node: 'gw0', audit: audit() }) as Config),
    version: '1',
    onRecorded: (records) => (seen.recorded += records),
    onDropped: (records) => (seen.dropped += records),
    onError: (error) => seen.errors.push(error),
    closeTimeoutMs: 1_000,
    ...options,
  })
  return { audit: trail, seen }
}

describe('a collector', () => {
  test.each([
    ['lines', 'ndjson', false],
    ['compressed lines', 'ndjson', true],
    ['an array', 'json', false],
    ['a compressed array', 'json', true],
  ] as const)('gets many records at once, as %s', async (_, format, gzip) => {
    answer = ok
    const { audit, seen } = create({ format, gzip })
    for (let n = 0; n < 250; n++) audit.admitted(verified)
    await audit.close()
    expect(seen).toEqual({ recorded: 250, dropped: 0, errors: [] })
    expect(requests.map(({ records }) => records.length)).toEqual([100, 100, 50])
    const ids = requests.flatMap(({ records }) => records.map(({ metadata }) => metadata.uid))
    expect(new Set(ids).size).toBe(250)
    expect(requests[0]?.headers.authorization).toBe('Bearer collect')
  })

  test('gets the authorization that is there now', async () => {
    answer = ok
    let authorization = 'Bearer old'
    const { audit } = create({}, {}, () => authorization)
    audit.admitted(verified)
    await audit.flush()
    authorization = 'Bearer new'
    audit.admitted(verified)
    await audit.close()
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer old',
      'Bearer new',
    ])
  })

  test.each([500, 503, 401, 404, 302])(
    'that answers %i is asked again until it has every record',
    async (status) => {
      let failures = 1
      answer = (response) => {
        if (failures-- > 0) response.writeHead(status, { location: url }).end()
        else ok(response)
      }
      const { audit, seen } = create()
      audit.admitted(verified)
      await until('it is there', () => seen.recorded === 1)
      await audit.close()
      expect(seen.dropped).toBe(0)
      expect(seen.errors).toHaveLength(1)
      expect(requests).toHaveLength(2)
    },
  )

  test('that asks for patience is given it', async () => {
    let failures = 1
    answer = (response) => {
      if (failures-- > 0) response.writeHead(429, { 'retry-after': '1' }).end()
      else ok(response)
    }
    const { audit, seen } = create()
    audit.admitted(verified)
    await until('it is there', () => seen.recorded === 1)
    await audit.close()
    expect(requests[1]!.atMs - requests[0]!.atMs).toBeGreaterThan(950)
  })

  test('that does not take one record gets the others', async () => {
    let poison: string | undefined
    answer = (response, { records }) => {
      poison ??= records[2]?.metadata.uid
      const isPoisoned = records.some(({ metadata }) => metadata.uid === poison)
      response.writeHead(isPoisoned ? 400 : 200).end()
    }
    const { audit, seen } = create()
    for (let n = 0; n < 8; n++) audit.admitted(verified)
    await audit.close()
    expect(seen).toMatchObject({ recorded: 7, dropped: 1 })
  })

  test('that never answers loses what it has not taken when the gate stops', async () => {
    answer = () => {}
    const { audit, seen } = create({ timeout: 100 }, { closeTimeoutMs: 300 })
    audit.admitted(verified)
    await until('an error', () => seen.errors.length > 0)
    const startedMs = performance.now()
    await audit.close()
    expect(performance.now() - startedMs).toBeLessThan(2_000)
    expect(seen).toMatchObject({ recorded: 0, dropped: 1 })
  })

  test('has a login wait for its answer, and refused without, where the policy says so', async () => {
    answer = ok
    const { audit } = create({ batch_delay: 60_000 }, { onFailure: 'refuse' })
    await audit.recordAdmission?.(verified)
    expect(requests).toHaveLength(1)
    answer = (response) => response.writeHead(500).end()
    await expect(audit.recordAdmission?.(verified)).rejects.toThrow(Refusal)
    expect(audit.isRefusing).toBe(true)
    answer = ok
    await until('it is over', () => !audit.isRefusing)
    await audit.recordAdmission?.(verified)
    await audit.close()
  })
})

test.each([
  [undefined, undefined],
  ['7', 7_000],
  ['Thu, 01 Jan 1970 00:00:09 GMT', 8_000],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ['soon', undefined],
])('Retry-After: %s is %s ms', (value, expected) => {
  expect(readRetryAfter(value, 1_000)).toBe(expected)
})
