import { expect, onTestFinished, test, vi } from 'vitest'
import { RequestLimit } from '../../../src/identity/request-limit.ts'

const tooLate = (): Error => new Error('too late')

test('no more run at once than the limit, and the others in the order in which they came', async () => {
  const limit = new RequestLimit(2)
  const begun: number[] = []
  const ends: (() => void)[] = []
  const runs = [0, 1, 2, 3].map(async (index) =>
    limit.run(
      async () => {
        begun.push(index)
        await new Promise<void>((resolve) => ends.push(resolve))
      },
      10_000,
      tooLate,
    ),
  )
  await vi.waitFor(() => {
    expect(begun).toEqual([0, 1])
  })
  ends[0]!()
  await runs[0]
  await vi.waitFor(() => {
    expect(begun).toEqual([0, 1, 2])
  })
  ends[1]!()
  ends[2]!()
  await vi.waitFor(() => {
    expect(begun).toEqual([0, 1, 2, 3])
  })
  ends[3]!()
  await Promise.all(runs)
  await expect(limit.run(async () => Promise.resolve('free'), 1, tooLate)).resolves.toBe('free')
})

test('whoever waits too long is told so, and takes nobody else the turn', async () => {
  const limit = new RequestLimit(1)
  let end = (): void => {}
  const first = limit.run(
    async () => new Promise<void>((resolve) => (end = resolve)),
    10_000,
    tooLate,
  )
  await expect(limit.run(async () => Promise.resolve(), 1, tooLate)).rejects.toThrow('too late')
  const third = limit.run(async () => Promise.resolve('third'), 10_000, tooLate)
  end()
  await first
  await expect(third).resolves.toBe('third')
})

test('whoever gets its turn is no longer timed', async () => {
  vi.useFakeTimers()
  onTestFinished(() => {
    vi.useRealTimers()
  })
  const limit = new RequestLimit(1)
  const first = limit.run(async () => Promise.resolve(), 10_000, tooLate)
  const second = limit.run(async () => Promise.resolve(), 10_000, tooLate)
  expect(vi.getTimerCount()).toBe(1)
  await Promise.all([first, second])
  expect(vi.getTimerCount()).toBe(0)
})

test('work that fails gives its turn back', async () => {
  const limit = new RequestLimit(1)
  for (let i = 0; i < 3; i++) {
    await expect(
      limit.run(async () => Promise.reject(new Error('failed')), 1, tooLate),
    ).rejects.toThrow('failed')
  }
})
