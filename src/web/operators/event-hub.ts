// Server-sent events. What a page shows is rendered once for all who look at it, when it has changed, and
// sent to them. Nothing is asked of anybody while nobody looks.

/** By id of an element: its HTML. */
export type Fragments = ReadonlyMap<string, string>

/** Something to look at. */
export interface Topic {
  /** Whatever has the same key looks the same. */
  readonly key: string
  /** Costs little, and is another when there is something new. */
  readonly mark: () => Promise<string>
  readonly render: () => Promise<Fragments>
  /** How old it may grow where the mark says nothing. */
  readonly refreshMs: number
}

export interface Viewer {
  /** Who it is, by which streams are counted. */
  readonly person: string
  /** Asked again and again: whoever may no longer look is cut off. */
  readonly isAllowed: () => Promise<boolean>
}

export interface HubOptions {
  readonly now: () => number
  readonly onError: (error: unknown) => void
}

export const hubLimits = {
  pollMs: 400,
  streams: 100,
  streamsOfPerson: 6,
  /** Whatever ends idle connections on the way is kept from it. */
  heartbeatMs: 15_000,
  /** Then the browser comes again, with whatever has become of its sign-in. */
  lifetimeMs: 600_000,
  /** How often it is asked whether somebody may look still. */
  allowedMs: 1_000,
  /** A reader that is so far behind is cut off. */
  backlogBytes: 1_000_000,
} as const

interface Shown {
  readonly topic: Topic
  readonly streams: Set<Stream>
  /** Those that have seen nothing of it yet. */
  readonly fresh: Set<Stream>
  fragments: Fragments
  mark: string | undefined
  renderedAt: number
  isBusy: boolean
  hasFailed: boolean
}

interface Stream {
  readonly viewer: Viewer
  readonly openedAt: number
  readonly controller: ReadableStreamDefaultController<Uint8Array>
  toldAt: number
  askedAt: number
  isOver: boolean
}

const encoder = new TextEncoder()

export class EventHub {
  readonly #options: HubOptions
  readonly #shown = new Map<string, Shown>()
  readonly #streams = new Set<Stream>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: HubOptions) {
    this.#options = options
  }

  get streams(): number {
    return this.#streams.size
  }

  /** Undefined where there are too many, or where we are about to end. */
  open(topics: readonly Topic[], viewer: Viewer): ReadableStream<Uint8Array> | undefined {
    const own = [...this.#streams].filter((one) => one.viewer.person === viewer.person)
    const { streams, streamsOfPerson, backlogBytes } = hubLimits
    if (this.#isClosed || this.#streams.size >= streams) return undefined
    if (own.length >= streamsOfPerson) return undefined
    let stream: Stream
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          const now = this.#options.now()
          stream = {
            ...{ viewer, controller, isOver: false },
            ...{ openedAt: now, toldAt: now, askedAt: now },
          }
          this.#add(stream, topics)
        },
        cancel: () => {
          this.#remove(stream)
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: backlogBytes }),
    )
  }

  close(): void {
    this.#isClosed = true
    for (const stream of [...this.#streams]) this.#end(stream)
  }

  #add(stream: Stream, topics: readonly Topic[]): void {
    this.#streams.add(stream)
    this.#send(stream, 'retry: 1000\n\n')
    for (const topic of topics) {
      const known = this.#shown.get(topic.key)
      const shown: Shown = known ?? {
        ...{ topic, streams: new Set(), fresh: new Set(), fragments: new Map() },
        ...{ mark: undefined, renderedAt: 0, isBusy: false, hasFailed: false },
      }
      shown.streams.add(stream)
      shown.fresh.add(stream)
      this.#shown.set(topic.key, shown)
      void this.#look(shown)
    }
    this.#timer ??= setInterval(() => {
      this.#tick()
    }, hubLimits.pollMs)
  }

  #tick(): void {
    for (const stream of [...this.#streams]) this.#attend(stream)
    for (const shown of this.#shown.values()) void this.#look(shown)
  }

  #attend(stream: Stream): void {
    const now = this.#options.now()
    if (now - stream.openedAt >= hubLimits.lifetimeMs) {
      this.#end(stream)
      return
    }
    if (now - stream.toldAt >= hubLimits.heartbeatMs) this.#send(stream, ': still here\n\n')
    if (now - stream.askedAt < hubLimits.allowedMs) return
    stream.askedAt = now
    void this.#ask(stream)
  }

  async #ask(stream: Stream): Promise<void> {
    // Whoever cannot be asked about is not let look.
    const isAllowed = await stream.viewer.isAllowed().catch((error: unknown) => {
      this.#options.onError(error)
      return false
    })
    if (!isAllowed) this.#end(stream)
  }

  async #look(shown: Shown): Promise<void> {
    if (shown.isBusy) return
    shown.isBusy = true
    try {
      const mark = await shown.topic.mark()
      const now = this.#options.now()
      const isOld = now - shown.renderedAt >= shown.topic.refreshMs
      if (mark !== shown.mark || isOld) {
        const fragments = await shown.topic.render()
        const changed = [...fragments].filter(([id, text]) => shown.fragments.get(id) !== text)
        Object.assign(shown, { fragments, mark, renderedAt: now })
        const seasoned = [...shown.streams].filter((stream) => !shown.fresh.has(stream))
        this.#sendAll(seasoned, changed)
      }
      const fresh = [...shown.fresh]
      shown.fresh.clear()
      this.#sendAll(fresh, [...shown.fragments])
      shown.hasFailed = false
    } catch (error) {
      if (!shown.hasFailed) this.#options.onError(error)
      shown.hasFailed = true
    } finally {
      shown.isBusy = false
    }
  }

  #sendAll(streams: readonly Stream[], fragments: readonly (readonly [string, string])[]): void {
    if (fragments.length === 0 || streams.length === 0) return
    const text = fragments.map(([id, content]) => event(id, content)).join('')
    for (const stream of streams) this.#send(stream, text)
  }

  #send(stream: Stream, text: string): void {
    if (stream.isOver) return
    const bytes = encoder.encode(text)
    if ((stream.controller.desiredSize ?? 0) < bytes.length) {
      this.#end(stream)
      return
    }
    stream.toldAt = this.#options.now()
    stream.controller.enqueue(bytes)
  }

  #end(stream: Stream): void {
    if (stream.isOver) return
    this.#remove(stream)
    stream.controller.close()
  }

  #remove(stream: Stream): void {
    stream.isOver = true
    this.#streams.delete(stream)
    for (const [key, shown] of this.#shown) {
      shown.streams.delete(stream)
      shown.fresh.delete(stream)
      if (shown.streams.size === 0) this.#shown.delete(key)
    }
    if (this.#streams.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

/** A line of data for each line: nothing that is shown can end an event and begin another. */
function event(name: string, data: string): string {
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`)
  return `event: ${name}\n${lines.join('')}\n`
}
