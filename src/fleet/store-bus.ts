// Calls between replicas: rows of the store, sealed, which say by a notification that they are there.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import { deflateRaw, inflateRaw } from 'node:zlib'
import { type Answers, type AskOptions, type Bus, callTimeoutMs } from './bus.ts'
import { peerMethod, requestLifeMs } from './peer-methods.ts'
import type { Store, StoreTransaction } from './store/store.ts'

export interface Peer {
  readonly id: string
  readonly isGone: boolean
}

export interface StoreBusOptions {
  readonly store: Store
  readonly peers: () => readonly Peer[]
  /** Asks the processes of this replica. */
  readonly serve: (
    method: string,
    argument: unknown,
    timeoutMs: number,
  ) => Promise<Answers<unknown>>
  readonly onCall: (method: string, outcome: CallOutcome, count: number) => void
  /** A message could not be sent, or was none of ours. */
  readonly onFailure: (error: unknown) => void
}

/** Of one replica that was asked. */
export type CallOutcome = 'answered' | 'unanswered' | 'limited'

/** What crosses the store is packed: bytes of `v8.serialize`, deflated where they are many. */
interface Request {
  readonly method: string
  readonly argument: unknown
  readonly timeoutMs: number
  /** By the clock of the store. */
  readonly expiresAtMs: number
}

interface Pending {
  readonly awaited: Set<string>
  readonly take: (sender: string, said: Answers<unknown>) => void
}

interface Message {
  readonly id: string
  readonly sender: string
  readonly is_answer: boolean
  /** Null where it is longer than it may be. */
  readonly sealed: string | null
}

/** Behind the deadline of the processes there is the way back. */
const wayBackMs = 1_000
const longestCallMs = 120_000
const maxRequestBytes = 256 * 1_024
const maxAnswerBytes = 4 * 1_024 * 1_024
const maxUnpackedBytes = 32 * 1_024 * 1_024
const packedFromBytes = 16 * 1_024
/** Sealed, they are a third longer. */
const sealedLength = (bytes: number): number => Math.ceil(bytes * 1.4) + 1_024
const maxInFlight = 64
const maxServed = 32
/** Some of them wait for a login, and must not keep an order to end sessions out. */
const maxServedOfStrangers = 16
/** Of what strangers can cause, such as cancel requests with keys that they made up. */
const maxOfStrangersInFlight = 16
const ofStrangersPerSecond = 20
const ofStrangersBurst = 40
/** Rows that are read at a time. */
const batch = 16
const betweenBatchesMs = 10
/** Requests that were carried out and whose copies still would be. */
const maxRemembered = 10_000
const answerLifeMs = 60_000

export class StoreBus implements Bus {
  readonly #options: StoreBusOptions
  readonly #pending = new Map<string, Pending>()
  /** By id, until when nobody would believe a copy. */
  readonly #served = new Map<string, number>()
  readonly #allowance = new Allowance(ofStrangersPerSecond, ofStrangersBurst)
  #serving = 0
  #servingStrangers = 0
  #ofStrangers = 0
  #unfollow: () => void = () => {}

  constructor(options: StoreBusOptions) {
    this.#options = options
  }

  start(): void {
    this.#unfollow = this.#options.store.follow('calls', async () => this.#read())
  }

  stop(): void {
    this.#unfollow()
  }

  async askEach<T>(
    method: string,
    argument: unknown,
    { timeoutMs = callTimeoutMs, until }: AskOptions<T> = {},
  ): Promise<Answers<T>> {
    const known = this.#options.peers()
    const peers = known.flatMap(({ id, isGone }) => (isGone ? [] : [id]))
    const { isForAll = false } = peerMethod(method) ?? {}
    const gone = isForAll ? known.length - peers.length : 0
    if (peers.length === 0) return { answers: [], unanswered: gone }
    const tell = (outcome: CallOutcome, count: number): void => {
      if (count > 0) this.#options.onCall(method, outcome, count)
    }
    const isOfStrangers = peerMethod(method)?.isOfStrangers === true
    if (!this.#admits(isOfStrangers)) {
      tell('limited', peers.length)
      return { answers: [], unanswered: peers.length + gone }
    }
    if (isOfStrangers) this.#ofStrangers++
    try {
      const { answers, silent } = await this.#ask<T>(peers, { method, argument, timeoutMs }, until)
      tell('answered', peers.length - silent)
      tell('unanswered', silent)
      return { answers: answers.answers, unanswered: answers.unanswered + silent + gone }
    } finally {
      if (isOfStrangers) this.#ofStrangers--
    }
  }

  #admits(isOfStrangers: boolean): boolean {
    if (this.#pending.size >= maxInFlight) return false
    if (!isOfStrangers) return true
    return this.#ofStrangers < maxOfStrangersInFlight && this.#allowance.take()
  }

  async #ask<T>(
    peers: readonly string[],
    call: Omit<Request, 'expiresAtMs'>,
    until: ((answer: T) => boolean) | undefined,
  ): Promise<{ readonly answers: Answers<T>; readonly silent: number }> {
    const id = randomUUID()
    const answers: T[] = []
    let unanswered = 0
    const over = Promise.withResolvers<undefined>()
    const awaited = new Set(peers)
    const isAnswer = peerMethod(call.method)?.isAnswer ?? (() => false)
    this.#pending.set(id, {
      awaited,
      take: (sender, said) => {
        awaited.delete(sender)
        // Whoever answers something else than was asked for has not answered.
        const fit = said.answers.filter(isAnswer) as T[]
        answers.push(...fit)
        unanswered += said.unanswered + said.answers.length - fit.length
        if (awaited.size === 0 || (until !== undefined && fit.some(until))) over.resolve(undefined)
      },
    })
    const ended = new AbortController()
    try {
      const waitMs = Math.min(call.timeoutMs, longestCallMs) + wayBackMs
      const timer = pause(waitMs, undefined, { signal: ended.signal, ref: false }).catch(() => {})
      const sent = this.#send(id, peers, call).then(async () => over.promise)
      await Promise.race([sent, timer])
    } catch (error) {
      // Nobody was asked, or nobody knows whether they were.
      this.#options.onFailure(error)
    } finally {
      ended.abort()
      this.#pending.delete(id)
    }
    const isFound = until !== undefined && answers.some(until)
    return { answers: { answers, unanswered }, silent: isFound ? 0 : awaited.size }
  }

  async #send(
    id: string,
    peers: readonly string[],
    call: Omit<Request, 'expiresAtMs'>,
  ): Promise<void> {
    const { store } = this.#options
    const lifeMs = Math.min(call.timeoutMs, requestLifeMs)
    const request: Request = { ...call, expiresAtMs: store.nowMs + lifeMs }
    const packed = await pack(request, maxRequestBytes)
    const sealed = await Promise.all(
      peers.map(async (peer) => store.seal(callPurpose(id, store.replica, peer), packed)),
    )
    await store.transact(async (transaction) => {
      await insert(
        transaction,
        { id, sender: store.replica, isAnswer: false, lifeMs },
        peers,
        sealed,
      )
    })
  }

  async #read(): Promise<void> {
    for (;;) {
      const messages = await this.#take()
      for (const message of messages) {
        if (message.is_answer) await this.#hear(message).catch(this.#options.onFailure)
        else void this.#serve(message).catch(this.#options.onFailure)
      }
      if (messages.length < batch) return
      await pause(betweenBatchesMs, undefined, { ref: false })
    }
  }

  /** What is read is gone: a request is carried out once or not at all. */
  async #take(): Promise<readonly Message[]> {
    const { store } = this.#options
    return store.transact(async ({ query }) =>
      query<Message>(
        `DELETE FROM calls WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM calls
           WHERE recipient = $1 AND until > pg_catalog.clock_timestamp()
             AND (NOT is_answer OR id = ANY ($2::uuid[]))
           LIMIT $3 FOR UPDATE SKIP LOCKED))
         RETURNING id::text AS id, sender::text AS sender, is_answer,
           CASE WHEN pg_catalog.octet_length(sealed) <= CASE WHEN is_answer THEN $4::int ELSE $5::int END
             THEN sealed END AS sealed`,
        [
          store.replica,
          [...this.#pending.keys()],
          batch,
          sealedLength(maxAnswerBytes),
          sealedLength(maxRequestBytes),
        ],
      ),
    )
  }

  async #hear({ id, sender, sealed }: Message): Promise<void> {
    const { store } = this.#options
    if (sealed === null || this.#pending.get(id)?.awaited.has(sender) !== true) return
    const opened = await store.open(answerPurpose(id, sender, store.replica), sealed)
    const said = (await unpack(opened)) as Answers<unknown>
    const isSound =
      Array.isArray(said.answers) && Number.isSafeInteger(said.unanswered) && said.unanswered >= 0
    // Looked for once more: meanwhile it may be over, or another copy of it be here.
    const pending = this.#pending.get(id)
    if (isSound && pending?.awaited.has(sender) === true) pending.take(sender, said)
  }

  async #serve({ id, sender, sealed }: Message): Promise<void> {
    const { store } = this.#options
    if (sealed === null || this.#serving >= maxServed) return
    this.#serving++
    try {
      const opened = await store.open(callPurpose(id, sender, store.replica), sealed)
      const request = (await unpack(opened)) as Request
      if (peerMethod(request.method) === undefined || !this.#isFresh(id, request)) return
      const said = await this.#answer(request)
      if (said === undefined) return
      const packed = await pack(said, maxAnswerBytes)
      const answer = await store.seal(answerPurpose(id, store.replica, sender), packed)
      await store.transact(async (transaction) => {
        const facts = { id, sender: store.replica, isAnswer: true, lifeMs: answerLifeMs }
        await insert(transaction, facts, [sender], [answer])
      })
    } finally {
      this.#serving--
    }
  }

  async #answer({ method, argument, timeoutMs }: Request): Promise<Answers<unknown> | undefined> {
    const count = peerMethod(method)?.isOfStrangers === true ? 1 : 0
    if (count > 0 && this.#servingStrangers >= maxServedOfStrangers) return undefined
    this.#servingStrangers += count
    try {
      return await this.#options.serve(method, argument, Math.min(timeoutMs, longestCallMs))
    } finally {
      this.#servingStrangers -= count
    }
  }

  /** In time, and no copy of one that was carried out: whoever can write to the store can write it once more. */
  #isFresh(id: string, { expiresAtMs }: Request): boolean {
    const { nowMs } = this.#options.store
    if (!(expiresAtMs > nowMs && expiresAtMs <= nowMs + 2 * requestLifeMs)) return false
    for (const [served, until] of this.#served) if (until <= nowMs) this.#served.delete(served)
    if (this.#served.has(id) || this.#served.size >= maxRemembered) return false
    // Twice as long as it may be, whatever the clock of the store does meanwhile.
    this.#served.set(id, expiresAtMs + requestLifeMs)
    return true
  }
}

interface MessageFacts {
  readonly id: string
  readonly sender: string
  readonly isAnswer: boolean
  readonly lifeMs: number
}

async function insert(
  { query, changed }: StoreTransaction,
  { id, sender, isAnswer, lifeMs }: MessageFacts,
  recipients: readonly string[],
  sealed: readonly string[],
): Promise<void> {
  // Of several arrays there is an `unnest` only without a schema; that is looked for in the catalog first.
  await query(
    `INSERT INTO calls (id, sender, recipient, is_answer, sealed, until)
     SELECT $1::uuid, $2::uuid, recipient, $3::boolean, sealed, pg_catalog.clock_timestamp() + $4::interval
     FROM unnest($5::uuid[], $6::text[]) AS message (recipient, sealed)`,
    [id, sender, isAnswer, `${Math.ceil(lifeMs)} milliseconds`, recipients, sealed],
  )
  await changed('calls', recipients)
}

function callPurpose(id: string, sender: string, recipient: string): string {
  return `call ${id} from ${sender} to ${recipient}`
}

function answerPurpose(id: string, sender: string, recipient: string): string {
  return `answer ${id} from ${sender} to ${recipient}`
}

const deflate = promisify(deflateRaw)
const inflate = promisify(inflateRaw)

interface Packed {
  readonly isDeflated: boolean
  readonly bytes: Uint8Array
}

async function pack(data: unknown, maxBytes: number): Promise<Packed> {
  const plain = serialize(data)
  const isDeflated = plain.length >= packedFromBytes
  const bytes = isDeflated ? await deflate(plain) : plain
  if (plain.length > maxUnpackedBytes || bytes.length > maxBytes) {
    throw new Error(`a message of ${bytes.length} bytes is too long`)
  }
  return { isDeflated, bytes }
}

/** Only ever of what was authenticated. */
async function unpack(packed: unknown): Promise<unknown> {
  const { isDeflated, bytes } = packed as Packed
  const plain = isDeflated ? await inflate(bytes, { maxOutputLength: maxUnpackedBytes }) : bytes
  return deserialize(plain)
}

/** So many a second, and so many at once where there were none for a while. */
class Allowance {
  readonly #perSecond: number
  readonly #burst: number
  #left: number
  #atMs = performance.now()

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#left = burst
  }

  take(): boolean {
    const now = performance.now()
    this.#left = Math.min(this.#burst, this.#left + ((now - this.#atMs) / 1_000) * this.#perSecond)
    this.#atMs = now
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}
