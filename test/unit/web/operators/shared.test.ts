import { describe, expect, test } from 'vitest'
import { Shared } from '../../../../src/web/operators/shared.ts'

describe('what is asked for several at once', () => {
  test('is asked once until it is too old', async () => {
    let [now, asked] = [0, 0]
    const shared = new Shared(() => now)
    const read = async () => Promise.resolve(++asked)
    const get = async () => shared.get('a', 1_000, read)
    expect(await Promise.all([get(), get()])).toEqual([1, 1])
    now = 999
    expect(await get()).toBe(1)
    now = 1_000
    expect(await get()).toBe(2)
  })

  test('is asked anew where something was done, or where it failed', async () => {
    const shared = new Shared(() => 0)
    const fails = async () => Promise.reject(new Error('no'))
    await expect(shared.get('a', 1_000, fails)).rejects.toThrow('no')
    expect(await shared.get('a', 1_000, async () => Promise.resolve(1))).toBe(1)
    shared.clear()
    expect(await shared.get('a', 1_000, async () => Promise.resolve(2))).toBe(2)
  })

  test('is forgotten where there is too much of it', async () => {
    const shared = new Shared(() => 0)
    let asked = 0
    const get = async (key: number) =>
      shared.get(String(key), 1_000, async () => Promise.resolve(++asked))
    for (let key = 0; key <= 100; key++) await get(key)
    await get(100)
    expect(asked).toBe(101)
    await get(0)
    expect(asked).toBe(102)
  })
})
