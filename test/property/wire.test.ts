import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Refusal } from '../../src/refusal.ts'
import { FrameError, readFrame } from '../../src/wire/frame.ts'
import { MessageFollower } from '../../src/wire/message-follower.ts'
import { readPasswordMessage } from '../../src/wire/password.ts'
import { readProxyHeader } from '../../src/wire/proxy-header.ts'
import { MalformedMessage, parseBackendMessage } from '../../src/wire/read-backend.ts'
import { readStartupPacket, type Taken, writeStartupMessage } from '../../src/wire/startup.ts'
import { fatalError } from '../../src/wire/write-backend.ts'
import { codes, int32, message, packet, startup } from '../unit/wire/bytes.ts'

const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array))
const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((one) => !one.includes('\0'))
const name = text.filter((one) => one !== '')
const type = fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte))

/** Bytes that are close to being right: the interesting errors are behind a right beginning. */
function nearly(...beginnings: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc.oneof(
    bytes(400),
    fc
      .tuple(fc.constantFrom(...beginnings), bytes(100), fc.nat(120), fc.boolean())
      .map(([beginning, tail, cut, cuts]) => {
        const whole = Buffer.concat([beginning, tail])
        return cuts ? whole.subarray(0, cut) : whole
      }),
    fc
      .tuple(fc.constantFrom(...beginnings), fc.nat(200), fc.integer({ min: 0, max: 255 }))
      .map(([beginning, at, byte]) => {
        const changed = Buffer.from(beginning)
        changed[at % Math.max(changed.length, 1)] = byte
        return changed
      }),
  )
}

/** Cuts bytes into chunks at the given places. */
function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (whole.length + 1)), whole.length]
  ends.sort((a, b) => a - b)
  let start = 0
  return ends.map((end) => {
    const chunk = whole.subarray(start, end)
    start = end
    return chunk
  })
}

/** Reads value after value out of chunks, as a reader of a stream does. */
function readAll<T>(
  chunks: readonly Buffer[],
  read: (bytes: Buffer) => Taken<T> | undefined,
): { values: T[]; rest: string } {
  const values: T[] = []
  let unread = Buffer.alloc(0)
  for (const chunk of chunks) {
    unread = Buffer.concat([unread, chunk])
    for (let taken = read(unread); taken !== undefined; taken = read(unread)) {
      values.push(taken.value)
      unread = unread.subarray(taken.length)
    }
  }
  return { values, rest: unread.toString('hex') }
}

const places = fc.array(fc.nat(2_000), { maxLength: 20 })

describe('bytes cut anywhere', () => {
  const frames = fc
    .array(fc.tuple(type, bytes(50)), { maxLength: 8 })
    .map((all) => Buffer.concat(all.map(([kind, body]) => message(kind, body))))

  test('are the same frames', () => {
    fc.assert(
      fc.property(frames, bytes(4), places, (whole, tail, at) => {
        const stream = Buffer.concat([whole, tail])
        const read = (input: Buffer): Taken<string> | undefined => {
          const taken = readFrame(input, 50)
          return taken && { ...taken, value: taken.value.raw.toString('hex') }
        }
        expect(readAll(cut(stream, at), read)).toEqual(readAll([stream], read))
      }),
    )
  })

  test('are the same startup packets', () => {
    const packets = fc.oneof(
      fc.constantFrom(packet(codes.ssl), packet(codes.gss)),
      fc
        .tuple(fc.integer(), fc.uint8Array({ minLength: 4, maxLength: 256 }))
        .map(([id, key]) => packet(codes.cancel, Buffer.concat([int32(id), Buffer.from(key)]))),
      fc
        .uniqueArray(fc.tuple(name, text), { selector: ([one]) => one, maxLength: 6 })
        .map((pairs) => startup(pairs.flat())),
    )
    fc.assert(
      fc.property(fc.array(packets, { maxLength: 4 }), places, (all, at) => {
        const stream = Buffer.concat(all)
        const whole = readAll([stream], readStartupPacket)
        expect(whole.values).toHaveLength(all.length)
        expect(readAll(cut(stream, at), readStartupPacket)).toEqual(whole)
      }),
    )
  })

  const lyingFrames = fc
    .array(fc.tuple(type, bytes(50), fc.option(fc.integer({ min: 0, max: 60 }))), { maxLength: 10 })
    .map((all) =>
      Buffer.concat(all.map(([kind, body, lie]) => message(kind, body, lie ?? body.length + 4))),
    )

  test('are followed alike, to the same boundary', () => {
    const follow = (chunks: readonly Buffer[]): object => {
      const seen: string[] = []
      const follower = new MessageFollower((kind, first) => seen.push(`${kind} ${first}`))
      for (const chunk of chunks) follower.push(chunk)
      return { seen, atBoundary: follower.atBoundary }
    }
    fc.assert(
      fc.property(fc.oneof(frames, lyingFrames, bytes(300)), places, (stream, at) => {
        expect(follow(cut(stream, at))).toEqual(follow([stream]))
      }),
    )
  })

  test('are followed to the frames that are there', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(type, bytes(50)), { maxLength: 8 }), places, (all, at) => {
        const seen: [string, number][] = []
        const follower = new MessageFollower((kind, first) =>
          seen.push([String.fromCharCode(kind), first]),
        )
        const stream = Buffer.concat(all.map(([kind, body]) => message(kind, body)))
        for (const chunk of cut(stream, at)) follower.push(chunk)
        expect(seen).toEqual(all.map(([kind, body]) => [kind, body[0] ?? 0]))
        expect(follower.atBoundary).toBe(true)
      }),
    )
  })
})

describe('a startup message', () => {
  test('that is written is the one that is read', () => {
    const pairs = fc.uniqueArray(
      fc.tuple(
        name.filter((one) => !one.startsWith('_pq_.') && one.isWellFormed()),
        text.filter((one) => one.isWellFormed()),
      ),
      { selector: ([one]) => one, maxLength: 10 },
    )
    fc.assert(
      fc.property(pairs, (parameters) => {
        const value = readStartupPacket(writeStartupMessage(parameters))?.value
        expect(value?.kind === 'startup' && [...value.parameters]).toEqual(parameters)
      }),
    )
  })
})

describe('random bytes', () => {
  const whole = startup(['user', 'alice', 'database', 'app'])
  const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c', 'latin1')

  /** Nothing but the expected errors, and never more than there was. */
  function check<T>(
    input: Buffer,
    read: (bytes: Buffer) => Taken<T> | undefined,
    isExpected: (error: unknown) => boolean,
  ): void {
    try {
      const taken = read(input)
      if (taken === undefined) return
      expect(taken.length).toBeGreaterThan(0)
      expect(taken.length).toBeLessThanOrEqual(input.length)
    } catch (error) {
      if (!isExpected(error)) throw error
    }
  }

  test.each<[string, (bytes: Buffer) => Taken<unknown> | undefined, fc.Arbitrary<Buffer>, string]>([
    [
      'a startup packet',
      readStartupPacket,
      nearly(whole, packet(codes.ssl), packet(codes.cancel, Buffer.alloc(8))),
      'malformed-startup unsupported-protocol',
    ],
    [
      'a PROXY header',
      readProxyHeader,
      nearly(
        Buffer.concat([signature, Buffer.alloc(12)]),
        Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n'),
        Buffer.from('PROXY TCP6 2001:db8::1 ::1 1 2\r\n'),
      ),
      'malformed-startup',
    ],
    [
      'a password',
      (input) => readPasswordMessage(input, 64),
      nearly(message('p', 'secret\0'), message('p', '\0')),
      'malformed-password password-too-long',
    ],
  ])('as %s are refused or read, and nothing else', (_, read, input, reasons) => {
    fc.assert(
      fc.property(input, (one) => {
        check(
          one,
          read,
          (error) => error instanceof Refusal && reasons.split(' ').includes(error.reason),
        )
      }),
      { numRuns: 2_000 },
    )
  })

  test('as a backend message are malformed or read, and nothing else', () => {
    const types = fc.constantFrom('R', 'E', 'N', 'S', 'K', 'Z', 'v', 'T')
    const code = fc.integer({ min: -1, max: 15 }).map(int32)
    const body = fc.oneof(
      bytes(300),
      fc.tuple(code, bytes(40)).map((parts) => Buffer.concat(parts)),
    )
    fc.assert(
      fc.property(types, body, fc.option(fc.nat(100)), (kind, content, lie) => {
        const input = message(kind, content, lie ?? content.length + 4)
        check(
          input,
          (one) => {
            const taken = readFrame(one, 200)
            if (taken !== undefined) parseBackendMessage(taken.value)
            return taken
          },
          (error) => error instanceof FrameError || error instanceof MalformedMessage,
        )
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('a fatal error', () => {
  test('is one well-formed message with its own fields, whatever its texts', () => {
    const any = fc.string({ unit: 'binary', maxLength: 100 })
    fc.assert(
      fc.property(any, fc.option(any, { nil: undefined }), any, (text1, detail, hint) => {
        const taken = readFrame(
          fatalError({ sqlstate: '28000', message: text1, detail, hint }),
          100_000,
        )
        const fields = taken!.value.body.toString('utf8').split('\0')
        const kinds = fields.map((field) => field.charAt(0)).join('')
        expect(kinds).toBe(detail === undefined ? 'SVCMH' : 'SVCMDH')
        expect(parseBackendMessage(taken!.value)).toMatchObject({
          kind: 'error',
          error: { sqlstate: '28000' },
        })
      }),
    )
  })
})
