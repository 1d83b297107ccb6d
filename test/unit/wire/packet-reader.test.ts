import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { ConnectionLost, PacketReader } from '../../../src/wire/packet-reader.ts'
import type { Taken } from '../../../src/wire/startup.ts'

function take(count: number): (bytes: Buffer) => Taken<string> | undefined {
  return (bytes) =>
    bytes.length < count ? undefined : { value: bytes.toString('latin1', 0, count), length: count }
}

/** Until the stream has told its listeners what was written to it. */
async function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

describe('a packet reader', () => {
  test('joins the chunks that a packet comes in', async () => {
    const stream = new PassThrough()
    const reading = new PacketReader(stream).read(take(6))
    for (const chunk of ['a', 'bc', 'def']) stream.write(chunk)
    expect(await reading).toBe('abcdef')
  })

  test('keeps what comes behind a packet for the next reader', async () => {
    const stream = new PassThrough()
    const reader = new PacketReader(stream)
    stream.write('abcdef')
    expect(await reader.read(take(2))).toBe('ab')
    expect(reader.unreadBytes).toBe(4)
    stream.write('gh')
    expect(await reader.read(take(6))).toBe('cdefgh')
    expect(reader.unreadBytes).toBe(0)
  })

  test('reads packets that came one byte at a time', async () => {
    const stream = new PassThrough()
    const reader = new PacketReader(stream)
    const text = 'x'.repeat(3_000)
    const reading = reader.read(take(3_000))
    for (const byte of text) stream.write(byte)
    expect(await reading).toBe(text)
  })

  test('never writes into a chunk that it was given', async () => {
    const stream = new PassThrough()
    const reader = new PacketReader(stream)
    const storage = Buffer.from('abcdef')
    stream.write(storage.subarray(0, 3))
    expect(await reader.read(take(2))).toBe('ab')
    stream.write('XYZ')
    expect(await reader.read(take(4))).toBe('cXYZ')
    expect(storage.toString()).toBe('abcdef')
  })

  test('throws what its reader throws, and reads on', async () => {
    const stream = new PassThrough()
    const reader = new PacketReader(stream)
    stream.write('abc')
    const broken = new Error('broken')
    await expect(
      reader.read(() => {
        throw broken
      }),
    ).rejects.toBe(broken)
    expect(await reader.read(take(3))).toBe('abc')
  })

  test('hands back what nobody took when it is released, and leaves the stream paused', async () => {
    const stream = new PassThrough()
    const reader = new PacketReader(stream)
    stream.write('abcdef')
    await reader.read(take(2))
    expect(reader.release().toString()).toBe('cdef')
    expect(reader.unreadBytes).toBe(0)
    expect(stream.isPaused()).toBe(true)
    expect(['data', 'end', 'close', 'error'].map((name) => stream.listenerCount(name))).toEqual(
      ['data', 'end', 'close', 'error'].map((name) => new PassThrough().listenerCount(name)),
    )
  })

  test('pauses a stream that nobody reads once 64 KiB have piled up', async () => {
    const stream = new PassThrough({ highWaterMark: 1 << 20 })
    const reader = new PacketReader(stream)
    for (let chunk = 0; chunk < 100; chunk++) stream.write(Buffer.alloc(4_096))
    await turn()
    expect(stream.isPaused()).toBe(true)
    expect(reader.unreadBytes).toBe(65_536 + 4_096)
  })

  test('reads on from a stream that it paused', async () => {
    const stream = new PassThrough({ highWaterMark: 1 << 20 })
    const reader = new PacketReader(stream)
    for (let chunk = 0; chunk < 100; chunk++) stream.write(Buffer.alloc(4_096, 'x'))
    await turn()
    expect(await reader.read(take(409_600))).toHaveLength(409_600)
  })
})

describe('a packet reader whose connection is lost', () => {
  test.each([
    ['ends', (stream: PassThrough) => stream.end()],
    ['is closed', (stream: PassThrough) => stream.destroy()],
    ['breaks', (stream: PassThrough) => stream.destroy(new Error('reset'))],
  ])('tells whoever waits that the stream %s', async (_, lose) => {
    const stream = new PassThrough()
    const reading = new PacketReader(stream).read(take(1))
    lose(stream)
    await expect(reading).rejects.toBeInstanceOf(ConnectionLost)
  })

  test('tells whoever reads later, after what came before', async () => {
    const stream = new PassThrough()
    const reader = new PacketReader(stream)
    stream.end('ab')
    await turn()
    await turn()
    expect(await reader.read(take(2))).toBe('ab')
    await expect(reader.read(take(1))).rejects.toBeInstanceOf(ConnectionLost)
  })

  test('tells every later reader, and the first cause', async () => {
    const stream = new PassThrough()
    const reader = new PacketReader(stream)
    const cause = new Error('reset')
    stream.destroy(cause)
    await turn()
    await expect(reader.read(take(1))).rejects.toMatchObject({ cause })
    await expect(reader.read(take(1))).rejects.toMatchObject({ cause })
  })
})
