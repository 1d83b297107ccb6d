import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../src/refusal.ts'
import { HostAddresses } from '../../../src/upstream/host-addresses.ts'

const db = { host: 'db.example.com', port: 5432 }
const unlimitedMs = 60_000

/** A resolver whose every answer is given by hand. */
function resolver() {
  const clock = { nowMs: 0 }
  const asked: { name: string; answer: (addresses: readonly string[] | Error) => void }[] = []
  const addresses = new HostAddresses(
    async (name) =>
      new Promise((resolve, reject) => {
        asked.push({
          name,
          answer: (found) => {
            if (found instanceof Error) reject(found)
            else resolve(found)
          },
        })
      }),
    () => clock.nowMs,
  )
  const find = async (limitMs = unlimitedMs, host = db): Promise<readonly string[]> =>
    addresses.find(host, limitMs)
  return { clock, asked, addresses, find }
}

async function reasonOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.catch((thrown: unknown) => thrown)
  return error instanceof Refusal ? error.reason : String(error)
}

describe('nobody is asked for', () => {
  test.each([
    ['an address', '192.0.2.1', '192.0.2.1'],
    ['an address of IPv6', '2001:db8::1', '2001:db8::1'],
    ['a directory', '/run/postgresql', '/run/postgresql/.s.PGSQL.5432'],
    ['an abstract name', '@postgresql', '\0postgresql/.s.PGSQL.5432'],
  ])('%s', async (_, host, expected) => {
    const { asked, find } = resolver()
    expect(await find(unlimitedMs, { host, port: 5432 })).toEqual([expected])
    expect(asked).toEqual([])
  })
})

describe('the addresses of a name', () => {
  test('are asked for once, however many logins want them', async () => {
    const { asked, find } = resolver()
    const all = Promise.all([find(), find(), find()])
    expect(asked.map(({ name }) => name)).toEqual(['db.example.com'])
    asked[0]?.answer(['192.0.2.1', '2001:db8::1', '192.0.2.1'])
    expect(await all).toEqual(Array(3).fill(['192.0.2.1', '2001:db8::1']))
  })

  test('are known for five seconds, and then asked for again', async () => {
    const { clock, asked, find } = resolver()
    const first = find()
    asked[0]?.answer(['192.0.2.1'])
    await first
    clock.nowMs = 4_999
    expect(await find()).toEqual(['192.0.2.1'])
    expect(asked).toHaveLength(1)
    clock.nowMs = 5_000
    const second = find()
    asked[1]?.answer(['192.0.2.2'])
    expect(await second).toEqual(['192.0.2.2'])
  })

  test('are asked for at once when none of them could be reached', async () => {
    const { asked, addresses, find } = resolver()
    const first = find()
    asked[0]?.answer(['192.0.2.1'])
    await first
    addresses.doubt(db)
    const second = find()
    asked[1]?.answer(['192.0.2.2'])
    expect(await second).toEqual(['192.0.2.2'])
  })

  test('are the old ones for ten minutes where the resolver fails', async () => {
    const { clock, asked, find } = resolver()
    const first = find()
    asked[0]?.answer(['192.0.2.1'])
    await first
    clock.nowMs = 599_999
    const second = find()
    asked[1]?.answer(new Error('ESERVFAIL'))
    expect(await second).toEqual(['192.0.2.1'])
    clock.nowMs = 600_000
    const third = reasonOf(find())
    asked[2]?.answer(new Error('ESERVFAIL'))
    expect(await third).toBe('upstream-unreachable')
  })

  test('are the old ones where the resolver says nothing', async () => {
    const { clock, asked, find } = resolver()
    const first = find()
    asked[0]?.answer(['192.0.2.1'])
    await first
    clock.nowMs = 5_000
    expect(await find(1)).toEqual(['192.0.2.1'])
  })

  test('are not waited for longer than there is time', async () => {
    const { find } = resolver()
    expect(await reasonOf(find(1))).toBe('upstream-timeout')
  })

  test('are none where the answer is empty', async () => {
    const { asked, find } = resolver()
    const found = reasonOf(find())
    asked[0]?.answer([])
    expect(await found).toBe('upstream-unreachable')
  })

  test('are at most sixteen', async () => {
    const { asked, find } = resolver()
    const found = find()
    asked[0]?.answer(Array.from({ length: 300 }, (_, index) => `192.0.2.${index}`))
    expect(await found).toHaveLength(16)
  })
})

test('two names are looked up at a time, and one that hangs keeps one place', async () => {
  const { asked, find } = resolver()
  const finding = ['hangs', 'b', 'c', 'd'].map(async (host) =>
    find(unlimitedMs, { host, port: 5432 }),
  )
  expect(asked.map(({ name }) => name)).toEqual(['hangs', 'b'])
  asked[1]?.answer(['192.0.2.2'])
  await finding[1]
  expect(asked.map(({ name }) => name)).toEqual(['hangs', 'b', 'c'])
  asked[2]?.answer(new Error('ENOTFOUND'))
  expect(await reasonOf(finding[2]!)).toBe('upstream-unreachable')
  expect(asked.map(({ name }) => name)).toEqual(['hangs', 'b', 'c', 'd'])
  asked[3]?.answer(['192.0.2.4'])
  asked[0]?.answer(['192.0.2.1'])
  expect(await finding[0]).toEqual(['192.0.2.1'])
  const again = find()
  asked[4]?.answer(['192.0.2.5'])
  expect(await again).toEqual(['192.0.2.5'])
})
