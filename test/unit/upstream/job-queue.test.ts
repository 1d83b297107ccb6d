import { describe, expect, test } from 'vitest'
import { JobQueue, QueueFull } from '../../../src/upstream/job-queue.ts'

const longMs = 10_000

/** Work that waits to be let go, and tells how often it was begun. */
function gate(): { work: () => Promise<number>; open: () => void; begun: () => number } {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  let begun = 0
  return {
    work: async () => {
      const number = ++begun
      await promise
      return number
    },
    open: () => {
      resolve(undefined)
    },
    begun: () => begun,
  }
}

describe('a job', () => {
  test('is done once for all who ask before it begins, and again for who asks after', async () => {
    const queue = new JobQueue<number>({ maxRunning: 1, maxWaiting: 10 })
    const blocking = gate()
    const wanted = gate()
    const first = queue.run('blocking', longMs, blocking.work)
    const early = [
      queue.run('wanted', longMs, wanted.work),
      queue.run('wanted', longMs, wanted.work),
    ]
    expect(wanted.begun()).toBe(0)
    blocking.open()
    await first
    const late = queue.run('wanted', longMs, wanted.work)
    wanted.open()
    expect(await Promise.all(early)).toEqual([1, 1])
    expect(await late).toBe(2)
  })

  test('is one of no more than may run', async () => {
    const queue = new JobQueue<number>({ maxRunning: 2, maxWaiting: 10 })
    const works = [gate(), gate(), gate()]
    const outcomes = works.map(async ({ work }, index) => queue.run(String(index), longMs, work))
    expect(works.map(({ begun }) => begun())).toEqual([1, 1, 0])
    works[0]!.open()
    await outcomes[0]
    await new Promise(setImmediate)
    expect(works.map(({ begun }) => begun())).toEqual([1, 1, 1])
    works[1]!.open()
    works[2]!.open()
    await Promise.all(outcomes)
  })

  test('is refused where too many wait, but not to who joins one that does', async () => {
    const queue = new JobQueue<number>({ maxRunning: 1, maxWaiting: 1 })
    const blocking = gate()
    const all = [
      queue.run('a', longMs, blocking.work),
      queue.run('b', longMs, blocking.work),
      queue.run('b', longMs, blocking.work),
    ]
    await expect(queue.run('c', longMs, blocking.work)).rejects.toThrow(QueueFull)
    blocking.open()
    await Promise.all(all)
  })

  test('that failed fails for all who wait, and for nobody after', async () => {
    const queue = new JobQueue<number>({ maxRunning: 1, maxWaiting: 10 })
    const blocking = gate()
    void queue.run('blocking', longMs, blocking.work)
    const failing = async (): Promise<number> => Promise.reject(new Error('no'))
    const both = [queue.run('x', longMs, failing), queue.run('x', longMs, failing)]
    blocking.open()
    for (const one of both) await expect(one).rejects.toThrow('no')
    expect(await queue.run('x', longMs, async () => Promise.resolve(7))).toBe(7)
  })

  test('is given up when the limit is over, waiting or begun, and what begun is told to stop', async () => {
    const queue = new JobQueue<number>({ maxRunning: 1, maxWaiting: 10 })
    const stopped = Promise.withResolvers<undefined>()
    const endless = async (signal: AbortSignal): Promise<number> =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          stopped.resolve(undefined)
          reject(new Error('stopped'))
        })
      })
    const never = gate()
    const begun = queue.run('endless', 50, endless)
    const waiting = queue.run('never', 20, never.work)
    await expect(waiting).rejects.toThrow(expect.objectContaining({ name: 'TimeoutError' }))
    await expect(begun).rejects.toThrow()
    await stopped.promise
    // Nobody waits any more for what was never begun.
    expect(await queue.run('after', longMs, async () => Promise.resolve(1))).toBe(1)
    expect(never.begun()).toBe(0)
  })
})
