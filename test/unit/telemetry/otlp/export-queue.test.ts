import { expect, test } from 'vitest'
import { ExportQueue, type QueueOptions } from '../../../../src/telemetry/otlp/export-queue.ts'

interface Queued {
  readonly queue: ExportQueue<number>
  readonly sent: (readonly number[])[]
  readonly counts: { taken: number; dropped: number; errors: number; recoveries: number }
}

function queueing(changes: Partial<QueueOptions<number>> = {}): Queued {
  const counts = { taken: 0, dropped: 0, errors: 0, recoveries: 0 }
  const sent: (readonly number[])[] = []
  const queue = new ExportQueue<number>({
    maxItems: 6,
    maxBatch: 4,
    delayMs: 1,
    send: async (items) => {
      sent.push(items)
      return Promise.resolve(items.length)
    },
    onSent: (items) => (counts.taken += items),
    onDropped: (items) => (counts.dropped += items),
    onError: () => counts.errors++,
    onRecovered: () => counts.recoveries++,
    ...changes,
  })
  return { queue, sent, counts }
}

test('what is added goes out in batches', async () => {
  const { queue, sent, counts } = queueing()
  queue.add([1, 2, 3])
  queue.add([4, 5, 6])
  await queue.close()
  expect(sent).toEqual([
    [1, 2, 3, 4],
    [5, 6],
  ])
  expect(counts).toMatchObject({ taken: 6, dropped: 0 })
})

test('what finds no room is dropped whole, and counted', async () => {
  const { queue, sent, counts } = queueing()
  queue.add([1, 2, 3, 4])
  queue.add([5, 6, 7])
  queue.add([8, 9])
  await queue.close()
  expect(sent.flat()).toEqual([1, 2, 3, 4, 8, 9])
  expect(counts).toMatchObject({ taken: 6, dropped: 3 })
})

test('a collector that is away is told once, and nothing waits for it at the end', async () => {
  const { queue, counts } = queueing({
    send: async () => Promise.reject(new Error('no route to host')),
  })
  queue.add([1, 2, 3, 4, 5, 6])
  await queue.close()
  expect(counts).toEqual({ taken: 0, dropped: 6, errors: 1, recoveries: 0 })
  queue.add([7])
  expect(counts.dropped).toBe(7)
})

test('what a collector takes in part is counted in part', async () => {
  const { queue, counts } = queueing({ send: async () => Promise.resolve(1) })
  queue.add([1, 2, 3])
  await queue.close()
  expect(counts).toMatchObject({ taken: 1, dropped: 2 })
})
