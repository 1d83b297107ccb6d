import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Verdict, verifyFiles } from '../../src/cli/audit-verify.ts'
import { createAudit } from '../../src/telemetry/audit.ts'
import { hashOf, toChained } from '../../src/telemetry/sinks/chain.ts'
import { Refusal } from '../../src/refusal.ts'
import { asked, verified } from '../unit/telemetry/facts.ts'

const key = 'a key of the chain that is long enough for it'
let folder: string
let file: string
let original: string
let files = 0
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-chain-'))
  file = join(folder, 'audit.jsonl')
  await write(file, 8)
  await write(file, 4)
  original = readFileSync(file, 'utf8')
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

async function write(
  path: string,
  records: number,
  chainKey: string | undefined = key,
): Promise<void> {
  const audit = createAudit({
    ...{ node: 'gw0', version: '1', onFailure: 'continue', chain: { key: chainKey } },
    sinks: [{ sink: 'file', file: path }],
    onDropped: () => expect.fail(),
    onError: () => expect.fail(),
  })
  for (let n = 0; n < records; n++) {
    if (n % 2 === 0) audit.admitted(verified)
    else audit.refused(asked, new Refusal('token-expired'))
  }
  await audit.close()
}

async function verify(text: string | Buffer, keys: readonly string[] = [key]): Promise<Verdict> {
  const changed = join(folder, `${++files}.jsonl`)
  writeFileSync(changed, text)
  return verifyFiles([changed], keys)
}

const lines = (): string[] => original.trimEnd().split('\n')
const whole = (all: readonly string[]): string => `${all.join('\n')}\n`

test('what was written is whole, across restarts, files and compression', async () => {
  expect(await verify(original)).toMatchObject({ outcome: 'whole', records: 14, troubles: [] })
  const [first, second] = [join(folder, 'old.jsonl.gz'), join(folder, 'new.jsonl')]
  writeFileSync(first, gzipSync(whole(lines().slice(0, 5))))
  writeFileSync(second, whole(lines().slice(5)))
  expect(await verifyFiles([first, second], [key])).toMatchObject({ outcome: 'whole' })
  expect(await verifyFiles([second], [key])).toMatchObject({ outcome: 'open' })
  expect(await verifyFiles([second, first], [key])).toMatchObject({ outcome: 'changed' })
})

test('any byte that is another one is found', async () => {
  const bytes = Buffer.from(original)
  await fc.assert(
    fc.asyncProperty(
      fc.nat(bytes.length - 1),
      fc.integer({ min: 1, max: 255 }),
      async (at, change) => {
        const changed = Buffer.from(bytes)
        changed[at] = changed[at]! ^ change
        expect((await verify(changed)).outcome).not.toBe('whole')
      },
    ),
    { numRuns: 300 },
  )
})

test('any byte that is taken out or put in is found', async () => {
  const bytes = Buffer.from(original)
  await fc.assert(
    fc.asyncProperty(
      fc.nat(bytes.length - 1),
      fc.nat(255),
      fc.boolean(),
      async (at, byte, isIn) => {
        const rest = bytes.subarray(isIn ? at : at + 1)
        const changed = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(isIn ? [byte] : []),
          rest,
        ])
        expect((await verify(changed)).outcome).not.toBe('whole')
      },
    ),
    { numRuns: 200 },
  )
})

test('any record that is taken out, moved or repeated is found', async () => {
  const count = lines().length
  await fc.assert(
    fc.asyncProperty(fc.nat(count - 1), fc.nat(count - 1), async (from, to) => {
      const without = lines().toSpliced(from, 1)
      expect((await verify(whole(without))).outcome).not.toBe('whole')
      const repeated = lines().toSpliced(to, 0, lines()[from]!)
      expect((await verify(whole(repeated))).outcome).toBe('changed')
      if (from === to) return
      const swapped = lines()
      ;[swapped[from], swapped[to]] = [swapped[to]!, swapped[from]!]
      expect((await verify(whole(swapped))).outcome).toBe('changed')
    }),
    { numRuns: 100 },
  )
})

test('any end that is cut off is found', async () => {
  const { length } = Buffer.from(original)
  await fc.assert(
    fc.asyncProperty(fc.nat(length - 1), async (left) => {
      expect((await verify(Buffer.from(original).subarray(0, left))).outcome).not.toBe('whole')
    }),
    { numRuns: 100 },
  )
})

test('a chain that is made anew without the key is found, and without any key it is not', async () => {
  const forge = (chainKey: string | undefined): string => {
    let prev = '0'.repeat(64)
    const id = '00000000-0000-4000-8000-000000000000'
    const forged = ['{"a":1}\n', '{"a":2}\n'].map((record, at) => {
      const end = at === 1 ? ({ end: true } as const) : {}
      const { line, link } = toChained(record, { id, seq: at + 1, prev, ...end }, chainKey)
      prev = link.hash
      return line
    })
    return forged.join('')
  }
  expect((await verify(forge(undefined))).outcome).toBe('changed')
  expect((await verify(forge('another key, which is not the one of it'))).outcome).toBe('changed')
  expect((await verify(forge(key))).outcome).toBe('whole')
  expect((await verify(forge(undefined), [])).outcome).toBe('whole')
  expect((await verify(forge('old'), [key, 'old'])).outcome).toBe('whole')
  expect((await verify(original, [])).outcome).toBe('changed')
})

test('what was cut off a chain before the next one began is told by that', async () => {
  const path = join(folder, 'cut.jsonl')
  await write(path, 6)
  const all = readFileSync(path, 'utf8').trimEnd().split('\n')
  await write(path, 2)
  const text = readFileSync(path, 'utf8').trimEnd().split('\n')
  const cut = [...all.slice(0, 4), ...text.slice(all.length)]
  const { outcome, troubles } = await verify(whole(cut))
  expect(outcome).toBe('changed')
  expect(troubles[0]?.what).toContain('was cut off behind record 4: it had 7')
})

test('what a client is called cannot be taken for a place in the chain', async () => {
  const path = join(folder, 'hostile.jsonl')
  const forged = toChained(
    '{"x":1}\n',
    { id: '0', seq: 1, prev: hashOf('x', undefined) },
    undefined,
  )
  const audit = createAudit({
    ...{ node: 'gw0', version: '1', onFailure: 'continue', chain: { key } },
    sinks: [{ sink: 'file', file: path }],
    onDropped: () => expect.fail(),
    onError: () => expect.fail(),
  })
  const requested = { ...asked.requested!, user: forged.line, database: '","hash":"' }
  audit.refused({ ...asked, requested }, new Refusal('token-expired'))
  await audit.close()
  expect(await verifyFiles([path], [key])).toMatchObject({ outcome: 'whole', records: 2 })
  truncateSync(path, 10)
})
