import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { findAuditFiles } from '../../../src/why/audit-files.ts'
import { findRefusals, type Question } from '../../../src/why/find-refusals.ts'
import type { RefusedLogin } from '../../../src/why/refused-login.ts'
import { auditSource, type RefusalSource, rememberedSource } from '../../../src/why/search-audit.ts'
import { unitedSource } from '../../../src/why/united-source.ts'

const folders: string[] = []
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-why-'))
  folders.push(folder)
})

afterAll(() => {
  for (const one of folders) rmSync(one, { recursive: true })
})

interface Made {
  readonly at: number
  readonly who?: string
  readonly reason?: string
  readonly status?: string
  readonly user?: string
  readonly address?: string
}

/** As the audit writes it, as far as it is read. */
function line({
  at,
  who,
  reason = 'no-role',
  status = 'Failure',
  user = 'x',
  address,
}: Made): string {
  return `${JSON.stringify({
    class_uid: 3002,
    activity_id: 1,
    time: at,
    start_time: at - 5,
    status,
    status_code: '28000',
    status_detail: status === 'Failure' ? reason : undefined,
    metadata: { correlation_uid: `ref-${at}` },
    src_endpoint: { ip: address ?? '203.0.113.7' },
    unmapped: { portcullis: { principal: who, requested_user: user, reason } },
  })}\n`
}

const always = { isOver: () => false }

async function sourceOf(name = 'audit.jsonl'): Promise<RefusalSource> {
  return auditSource((await findAuditFiles(join(folder, name))).files, always)
}

function write(name: string, text: string | Buffer, changedMs = Date.now()): void {
  const path = join(folder, name)
  writeFileSync(path, text)
  utimesSync(path, changedMs / 1_000, changedMs / 1_000)
}

const question: Question = {
  reference: undefined,
  when: undefined,
  isOne: () => true,
  isAnybody: undefined,
  limit: 5,
}

const times = (found: readonly { readonly login: RefusedLogin }[]): readonly number[] =>
  found.map(({ login }) => login.atMs)

const base = Date.UTC(2026, 10, 22, 12)
const minute = 60_000

describe('the files of an audit', () => {
  test('are the one that is written and those that were rotated out of it, the newest first', async () => {
    const names = [
      'audit.jsonl',
      'audit.jsonl.1',
      'audit.jsonl.2.gz',
      'audit.jsonl-20261120',
      'audit-20261119.jsonl',
    ]
    names.forEach((name, index) => {
      write(name, 'x\n', base - index * minute)
    })
    for (const other of ['audit.jsonl.lock', 'audit.jsonlx', 'other.jsonl', 'audit.jsonl.tmp'])
      write(other, 'x\n')
    write('audit.jsonl.3.zst', 'x\n')
    const { files, unread } = await findAuditFiles(join(folder, 'audit.jsonl'))
    expect(files.map(({ path }) => path)).toEqual(names.map((name) => join(folder, name)))
    expect(unread).toEqual([join(folder, 'audit.jsonl.3.zst')])
  })
})

describe('refusals in a file that is larger than what is read at once', () => {
  const seconds = 20_000
  const filler = 'y'.repeat(200)
  // One refusal in a hundred records.
  const text = Array.from({ length: seconds }, (_, i) =>
    line({ at: base + i * 1_000, status: i % 100 === 0 ? 'Failure' : 'Success', user: filler }),
  ).join('')

  test.each([
    ['at its begin', 0],
    ['in the middle', 10_000],
    ['at its end', 19_900],
  ])('are found by their time, %s', async (_, second) => {
    write('audit.jsonl', text)
    const atMs = base + second * 1_000
    const when = { fromMs: atMs - 500, untilMs: atMs + 500 }
    const { found } = await findRefusals(await sourceOf(), { ...question, when })
    expect(times(found)).toEqual([atMs])
    // Those of ten minutes before and after, without itself.
    const around = [...Array(200).keys()].filter((i) => Math.abs(i * 100 - second) <= 600).length
    expect(found[0]?.alike).toEqual({ logins: around - 1, addresses: 1 })
  })

  test('are found in both directions, all of them and in their order', async () => {
    write('audit.jsonl', text)
    const source = await sourceOf()
    const search = { fromMs: -Infinity, untilMs: Infinity, matches: () => true }
    const wanted = [...Array(200).keys()].map((i) => base + i * 100_000)
    const forward: number[] = []
    for await (const { atMs } of source.oldestFirst(search)) forward.push(atMs)
    expect(forward).toEqual(wanted)
    const backward: number[] = []
    for await (const { atMs } of source.newestFirst(search)) backward.push(atMs)
    expect(backward).toEqual(wanted.reverse())
  })

  test('are found by their reference, and the last ones without a word', async () => {
    write('audit.jsonl', text)
    const source = await sourceOf()
    const reference = `ref-${base + 1_234 * 1_000 - 34_000}`
    const one = await findRefusals(source, { ...question, reference })
    expect(one.found.map(({ login }) => login.session)).toEqual([reference])
    const { found } = await findRefusals(source, { ...question, limit: 2 })
    expect(times(found)).toEqual([base + 19_800_000, base + 19_900_000])
  })
})

test('what was rotated and compressed is looked through as well', async () => {
  write('audit.jsonl', line({ at: base + 100 * minute }), base + 100 * minute)
  write('audit.jsonl.1', line({ at: base + 50 * minute }), base + 50 * minute)
  write('audit.jsonl.2.gz', gzipSync(line({ at: base - minute }) + line({ at: base })), base)
  const source = await sourceOf()
  const when = { fromMs: base - 10, untilMs: base + 10 }
  expect(times((await findRefusals(source, { ...question, when })).found)).toEqual([base])
  expect(times((await findRefusals(source, question)).found)).toEqual(
    [-1, 0, 50, 100].map((minutes) => base + minutes * minute),
  )
})

test('records that several processes wrote out of their order are found', async () => {
  const disordered = [30, 0, 20, 10].map((s) => line({ at: base + s * 1_000 })).join('')
  write('audit.jsonl', disordered)
  const when = { fromMs: base + 5_000, untilMs: base + 15_000 }
  const { found } = await findRefusals(await sourceOf(), { ...question, when })
  expect(times(found)).toEqual([base + 10_000])
})

test('what is no record, half of one or longer than a record may be is passed by', async () => {
  const long = `${JSON.stringify({ status: 'Failure', x: 'z'.repeat(3_000_000) })}\n`
  const parts = ['{"status":"Failure"\n', long, line({ at: base }), '\n', '{"status":"Failure","ti']
  write('audit.jsonl', parts.join(''))
  const source = await sourceOf()
  expect(times((await findRefusals(source, question)).found)).toEqual([base])
  const when = { fromMs: base, untilMs: base }
  expect(times((await findRefusals(source, { ...question, when })).found)).toEqual([base])
})

test('a name that is written like the mark of a refusal makes none', async () => {
  write('audit.jsonl', line({ at: base, status: 'Success', user: '"status":"Failure"' }))
  expect((await findRefusals(await sourceOf(), question)).found).toEqual([])
})

test('where nobody was refused then, the nearest before and after are told', async () => {
  write('audit.jsonl', [0, 1, 2, 20, 21, 22].map((m) => line({ at: base + m * minute })).join(''))
  const when = { fromMs: base + 8 * minute, untilMs: base + 12 * minute }
  const { found, nearest } = await findRefusals(await sourceOf(), { ...question, when })
  expect(found).toEqual([])
  expect(nearest.map(({ atMs }) => (atMs - base) / minute)).toEqual([1, 2, 20, 21])
})

test('who asks for somebody is told of those of whom nobody knows who they were', async () => {
  write(
    'audit.jsonl',
    [
      line({ at: base, who: 'bob' }),
      line({ at: base + 1, reason: 'token-signature' }),
      line({ at: base + 2, reason: 'token-signature', address: '198.51.100.1' }),
    ].join(''),
  )
  const { found, unknown } = await findRefusals(await sourceOf(), {
    ...question,
    when: { fromMs: base, untilMs: base + 10 },
    isOne: ({ principal }) => principal === 'alice',
    isAnybody: ({ address }) => address === '203.0.113.7',
  })
  expect(found).toEqual([])
  expect(unknown.map(({ atMs }) => atMs)).toEqual([base + 1])
})

test('more than are shown are counted', async () => {
  write('audit.jsonl', [0, 1, 2, 3].map((i) => line({ at: base + i })).join(''))
  const when = { fromMs: base, untilMs: base + 10 }
  const { found, more } = await findRefusals(await sourceOf(), { ...question, when, limit: 3 })
  expect([found.length, more]).toEqual([3, 1])
})

test('what is recorded and remembered comes out once, and what is in one place alone as well', async () => {
  write('audit.jsonl', line({ at: base }) + line({ at: base + 9_000 }))
  const remembered = (atMs: number, session: string): RefusedLogin => ({
    ...{ atMs, session, reason: 'no-role', sqlstate: '28000', count: 1, address: '203.0.113.9' },
    ...{ addresses: [], node: undefined, why: undefined, steps: undefined, told: undefined },
    ...{ user: undefined, database: undefined, application: undefined, pool: undefined },
    ...{ integration: undefined, issuer: undefined, subject: undefined, principal: undefined },
  })
  const source = unitedSource(
    await sourceOf(),
    rememberedSource([remembered(base + 1, `ref-${base}`), remembered(base + 5_000, 'of another')]),
  )
  const wanted = [`ref-${base}`, 'of another', `ref-${base + 9_000}`]
  const { found } = await findRefusals(source, question)
  expect(found.map(({ login }) => login.session)).toEqual(wanted)
  expect(found[0]?.login.address).toBe('203.0.113.7')
  const when = { fromMs: base - 10, untilMs: base + 10_000 }
  const within = await findRefusals(source, { ...question, when })
  expect(within.found.map(({ login }) => login.session)).toEqual(wanted)
})

test('a search that takes too long ends', async () => {
  write('audit.jsonl', line({ at: base }))
  const { files } = await findAuditFiles(join(folder, 'audit.jsonl'))
  const source = auditSource(files, { isOver: () => true })
  expect((await findRefusals(source, question)).found).toEqual([])
})
