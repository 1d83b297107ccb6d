import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  EventHub,
  type Fragments,
  hubLimits,
  type Topic,
  type Viewer,
} from '../../../../src/web/operators/event-hub.ts'

let errors: unknown[]
let hub: EventHub

beforeEach(() => {
  vi.useFakeTimers()
  errors = []
  hub = new EventHub({ now: () => Date.now(), onError: (error) => errors.push(error) })
})

afterEach(() => {
  hub.close()
  vi.useRealTimers()
})

const anybody: Viewer = { person: 'alice', isAllowed: async () => Promise.resolve(true) }

class Board implements Topic {
  readonly key: string = 'board'
  readonly refreshMs = 5_000
  text = 'one'
  looks = 0
  renders = 0

  readonly mark = async (): Promise<string> => {
    this.looks++
    return Promise.resolve(this.text)
  }

  readonly render = async (): Promise<Fragments> => {
    this.renders++
    return Promise.resolve(
      new Map([
        ['a', `<p id="a">${this.text}</p>`],
        ['b', '<p id="b"></p>'],
      ]),
    )
  }
}

/** What has come until now. */
class Reader {
  text = ''
  isOver = false
  constructor(stream: ReadableStream<Uint8Array> | undefined) {
    if (stream === undefined) throw new Error('no stream')
    void this.#read(stream)
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const bytes of stream) this.text += Buffer.from(bytes).toString()
    this.isOver = true
  }

  take(): string {
    const { text } = this
    this.text = ''
    return text
  }
}

const passed = async (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('server-sent events', () => {
  test('begin with all that there is', async () => {
    const reader = new Reader(hub.open([new Board()], anybody))
    await passed(0)
    expect(reader.take()).toBe(
      'retry: 1000\n\nevent: a\ndata: <p id="a">one</p>\n\nevent: b\ndata: <p id="b"></p>\n\n',
    )
  })

  test('tell what has changed and nothing else', async () => {
    const board = new Board()
    const reader = new Reader(hub.open([board], anybody))
    await passed(1_000)
    reader.take()
    board.text = 'two'
    await passed(hubLimits.pollMs)
    expect(reader.take()).toBe('event: a\ndata: <p id="a">two</p>\n\n')
    await passed(hubLimits.pollMs)
    expect(reader.take()).toBe('')
  })

  test('are rendered once for all who look, and when it is time', async () => {
    const board = new Board()
    const readers = ['alice', 'bob', 'carol'].map(
      (person) => new Reader(hub.open([board], { ...anybody, person })),
    )
    await passed(1_000)
    expect(board.renders).toBe(1)
    await passed(board.refreshMs)
    expect(board.renders).toBe(2)
    for (const { text } of readers) expect(text).toContain('event: a')
  })

  test('ask nobody when nobody looks', async () => {
    const board = new Board()
    const stream = hub.open([board], anybody)
    await passed(1_000)
    await stream?.cancel()
    const { looks } = board
    await passed(10_000)
    expect(board.looks).toBe(looks)
    expect(hub.streams).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('cannot be made to hold an event by what is shown', async () => {
    const board = new Board()
    board.text = 'x\n\nevent: a\rdata: <script>\r\n'
    const reader = new Reader(hub.open([board], anybody))
    await passed(0)
    expect(reader.take().match(/^event: a$/gm)).toHaveLength(1)
    expect(reader.text).not.toMatch(/\r/)
  })

  test('end when whoever looks may not any more', async () => {
    let isAllowed = true
    const viewer = { person: 'alice', isAllowed: async () => Promise.resolve(isAllowed) }
    const reader = new Reader(hub.open([new Board()], viewer))
    await passed(5_000)
    expect(reader.isOver).toBe(false)
    isAllowed = false
    await passed(hubLimits.allowedMs + hubLimits.pollMs)
    expect(reader.isOver).toBe(true)
  })

  test('end where nobody can say whether somebody may look', async () => {
    const viewer = { person: 'alice', isAllowed: async () => Promise.reject(new Error('no')) }
    const reader = new Reader(hub.open([new Board()], viewer))
    await passed(hubLimits.allowedMs + hubLimits.pollMs)
    expect(reader.isOver).toBe(true)
    expect(errors).toHaveLength(1)
  })

  test('end after their lifetime, so that the browser comes again', async () => {
    const reader = new Reader(hub.open([new Board()], anybody))
    await passed(hubLimits.lifetimeMs - 1_000)
    expect(reader.isOver).toBe(false)
    await passed(1_000 + hubLimits.pollMs)
    expect(reader.isOver).toBe(true)
  })

  test('say now and then that they are there', async () => {
    const reader = new Reader(hub.open([new Board()], anybody))
    await passed(1_000)
    reader.take()
    await passed(hubLimits.heartbeatMs)
    expect(reader.take()).toBe(': still here\n\n')
  })

  test('are cut off where nobody reads them', async () => {
    const board = new Board()
    hub.open([board], anybody)
    for (let i = 0; i < 20; i++) {
      board.text = `${i}${'x'.repeat(100_000)}`
      await passed(hubLimits.pollMs)
    }
    expect(hub.streams).toBe(0)
  })

  test('are few of one person, and not many in all', () => {
    const open = (person: string) => hub.open([new Board()], { ...anybody, person })
    for (let i = 0; i < hubLimits.streamsOfPerson; i++) expect(open('alice')).toBeDefined()
    expect(open('alice')).toBeUndefined()
    const others = hubLimits.streams - hubLimits.streamsOfPerson
    const streams = Array.from({ length: others }, (_, index) => open(`person ${index}`))
    expect(streams).not.toContain(undefined)
    expect(open('bob')).toBeUndefined()
  })

  test('all end at once when we do, and none begins', async () => {
    const reader = new Reader(hub.open([new Board()], anybody))
    await passed(0)
    hub.close()
    await passed(0)
    expect(reader.isOver).toBe(true)
    expect(hub.open([new Board()], anybody)).toBeUndefined()
  })

  test('go on after what they show could not be had, which is told once', async () => {
    const board = new Board()
    const reader = new Reader(hub.open([board], anybody))
    await passed(0)
    reader.take()
    const { mark } = board
    Object.assign(board, { mark: async () => Promise.reject(new Error('no worker')) })
    hub.close()
    hub = new EventHub({ now: () => Date.now(), onError: (error) => errors.push(error) })
    const other = new Reader(hub.open([board], anybody))
    await passed(2_000)
    expect(errors).toHaveLength(1)
    Object.assign(board, { mark })
    await passed(hubLimits.pollMs)
    expect(other.take()).toContain('event: a')
  })
})
