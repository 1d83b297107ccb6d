// Clients that wait until somebody signs in on our pages, as the pages see them. The pages may be served by
// another process: what crosses over is plain data, and never a verifier, a nonce or a token.
import { randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Authorization } from '../identity/authorization-code.ts'
import { type Fault, type Reason, Refusal } from '../refusal.ts'

/** Who asks, for whoever is to approve it. */
export interface SignInRequest {
  readonly application: string
  readonly address: string
  /** Undefined where it takes what the groups of the identity give. */
  readonly role: string | undefined
  readonly database: string
  readonly pool: string
  /** Whose identities alone are let in by it. */
  readonly integration: string
  /** Shown by the client too. */
  readonly code: string
  /** Milliseconds since 1970. */
  readonly askedAt: number
  readonly expiresAt: number
}

/** What came of it: what the client reads, the page says. */
export type SignInOutcome =
  | { readonly kind: 'admitted'; readonly principal: string; readonly role: string }
  | {
      readonly kind: 'refused'
      readonly reason: Reason
      readonly fault: Fault
      readonly message: string
      readonly detail?: string | undefined
      readonly hint?: string | undefined
    }
  /** The client is not there any more. */
  | { readonly kind: 'gone' }

/** What a page wants to know or to do. `browser` is a digest of the secret of its cookie. */
export type SignInCall =
  | { readonly kind: 'look'; readonly id: string; readonly browser: string | undefined }
  /** By what the client shows, for somebody whose tries are counted. */
  | { readonly kind: 'find'; readonly code: string; readonly browser: string }
  | { readonly kind: 'take'; readonly id: string; readonly browser: string }
  | { readonly kind: 'disown'; readonly id: string; readonly browser: string }
  /** Somebody who is signed in on the pages lets the client in as themselves, by a session token. */
  | {
      readonly kind: 'approve'
      readonly id: string
      readonly browser: string
      readonly token: string
      readonly address: string
    }
  | {
      readonly kind: 'answer'
      readonly state: string
      readonly query: string
      readonly browser: string | undefined
      /** From where the browser came. */
      readonly address: string
    }

export type Holder = 'nobody' | 'this-browser' | 'another-browser'

export type SignInReply =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'waiting'; readonly request: SignInRequest; readonly holder: Holder }
  | {
      readonly kind: 'found'
      readonly id: string
      readonly request: SignInRequest
      readonly holder: Holder
    }
  /** Where the browser signs in. */
  | { readonly kind: 'sent'; readonly url: string; readonly id: string }
  /** The outcome is for the browser that signed in, and for no other. */
  | { readonly kind: 'over'; readonly id: string; readonly outcome: SignInOutcome | undefined }
  /** The answer came by another browser than the one that was sent for it. */
  | { readonly kind: 'another-browser' }

/** The browser is back from the provider, or brings who has signed in before. */
export type SignInAnswer = { readonly address: string } & (
  | { readonly kind: 'provider'; readonly authorization: Authorization; readonly query: string }
  | { readonly kind: 'session'; readonly token: string }
)

/** The session's side. */
export interface PendingSignIn {
  readonly id: string
  /** Rejects where somebody ends it on the page. */
  readonly answered: Promise<SignInAnswer>
  /** To be called once, however it ended. */
  readonly end: (outcome: SignInOutcome) => void
}

interface Entry {
  readonly id: string
  readonly request: SignInRequest
  readonly authorize: () => Promise<Authorization>
  readonly answer: (answer: SignInAnswer) => void
  readonly refuse: (refusal: Refusal) => void
  readonly outcome: Promise<SignInOutcome>
  /** The browser that was sent to the provider: there is one, the first. */
  browser: string | undefined
  /** What it is to come back with. */
  state: string | undefined
  isAnswered: boolean
}

interface Sent {
  readonly entry: Entry
  readonly authorization: Authorization
}

interface Ended {
  readonly outcome: SignInOutcome
  readonly browser: string | undefined
}

const idBytes = 24
/** Pages that are looked at again are told what became of it, as long as there is room. */
const maxEnded = 1_000
const endedMs = 10 * 60_000

/** Those of one process. There are no more of them than sessions that wait: `limits.max_sign_ins`. */
export class PendingSignIns {
  readonly #waiting = new Map<string, Entry>()
  readonly #sent = new Map<string, Sent>()
  readonly #ended = new LRUCache<string, Ended>({ max: maxEnded, ttl: endedMs })

  /** `authorize` begins a new way through the provider each time. */
  add(request: SignInRequest, authorize: () => Promise<Authorization>): PendingSignIn {
    const { promise: answered, resolve: answer, reject } = Promise.withResolvers<SignInAnswer>()
    const { promise: outcome, resolve: conclude } = Promise.withResolvers<SignInOutcome>()
    // Whoever waits for it may have gone before.
    answered.catch(() => {})
    const entry: Entry = {
      ...{ id: randomBytes(idBytes).toString('base64url'), request, authorize, answer, outcome },
      refuse: reject,
      browser: undefined,
      state: undefined,
      isAnswered: false,
    }
    this.#waiting.set(entry.id, entry)
    return {
      id: entry.id,
      answered,
      end: (ended) => {
        this.#waiting.delete(entry.id)
        this.#forgetState(entry)
        this.#ended.set(entry.id, { outcome: ended, browser: entry.browser })
        conclude(ended)
      },
    }
  }

  async call(call: SignInCall): Promise<SignInReply> {
    if (call.kind === 'answer') return this.#answer(call)
    if (call.kind === 'find') return this.#find(call)
    const entry = this.#waiting.get(call.id)
    if (entry === undefined) return this.#lookBack(call.id, call.browser)
    switch (call.kind) {
      case 'look':
        return look(entry, call.browser)
      case 'take':
        return this.#take(entry, call.browser)
      case 'disown':
        return disown(entry, call.browser)
      case 'approve':
        return this.#approve(entry, call)
    }
  }

  /** Of two that show one code, nobody knows which is meant. */
  #find({ code, browser }: SignInCall & { readonly kind: 'find' }): SignInReply {
    const [entry, another] = [...this.#waiting.values()].filter((one) => one.request.code === code)
    if (entry === undefined || another !== undefined) return { kind: 'unknown' }
    const { id, request } = entry
    return { kind: 'found', id, request, holder: holderOf(entry, browser) }
  }

  /** As with an answer of the provider: by the first browser alone, and once. */
  async #approve(
    entry: Entry,
    { browser, token, address }: SignInCall & { readonly kind: 'approve' },
  ): Promise<SignInReply> {
    if (entry.isAnswered || holderOf(entry, browser) === 'another-browser') {
      return look(entry, browser)
    }
    entry.browser = browser
    entry.isAnswered = true
    // Whoever is still at the provider comes too late.
    this.#forgetState(entry)
    entry.answer({ kind: 'session', token, address })
    return { kind: 'over', id: entry.id, outcome: await entry.outcome }
  }

  #lookBack(id: string, browser: string | undefined): SignInReply {
    const ended = this.#ended.get(id)
    if (ended === undefined) return { kind: 'unknown' }
    const isIts = ended.browser !== undefined && ended.browser === browser
    return { kind: 'over', id, outcome: isIts ? ended.outcome : undefined }
  }

  /** The first browser has it. It may begin again, which makes void what it began before. */
  async #take(entry: Entry, browser: string): Promise<SignInReply> {
    entry.browser ??= browser
    if (entry.browser !== browser || entry.isAnswered) return look(entry, browser)
    const authorization = await entry.authorize()
    // Meanwhile it may have ended, or be answered.
    if (!this.#waiting.has(entry.id)) return this.#lookBack(entry.id, browser)
    if (isAnswered(entry)) return look(entry, browser)
    this.#forgetState(entry)
    entry.state = authorization.state
    this.#sent.set(authorization.state, { entry, authorization })
    return { kind: 'sent', url: authorization.url, id: entry.id }
  }

  async #answer(call: SignInCall & { readonly kind: 'answer' }): Promise<SignInReply> {
    const sent = this.#sent.get(call.state)
    if (sent === undefined) return { kind: 'unknown' }
    const { entry, authorization } = sent
    // A state is good for one answer, whatever it is.
    this.#forgetState(entry)
    entry.isAnswered = true
    if (entry.browser !== call.browser) {
      // Whoever began it sent somebody else to the provider, to sign in for them.
      entry.refuse(new Refusal('sign-in-other-browser'))
      return { kind: 'another-browser' }
    }
    const { query, address } = call
    entry.answer({ kind: 'provider', authorization, query, address })
    return { kind: 'over', id: entry.id, outcome: await entry.outcome }
  }

  #forgetState(entry: Entry): void {
    this.#sent.delete(entry.state ?? '')
    entry.state = undefined
  }
}

/** A function, since it changes while something else is waited for. */
function isAnswered(entry: Entry): boolean {
  return entry.isAnswered
}

function look(entry: Entry, browser: string | undefined): SignInReply {
  return { kind: 'waiting', request: entry.request, holder: holderOf(entry, browser) }
}

function holderOf({ browser: owner }: Entry, browser: string | undefined): Holder {
  if (owner === undefined) return 'nobody'
  return owner === browser ? 'this-browser' : 'another-browser'
}

/** Whoever has the address may say that it is not theirs: also where another browser has it. */
async function disown(entry: Entry, browser: string): Promise<SignInReply> {
  if (entry.isAnswered) return look(entry, browser)
  entry.isAnswered = true
  entry.refuse(new Refusal('sign-in-disowned'))
  const outcome = await entry.outcome
  return { kind: 'over', id: entry.id, outcome: outcome.kind === 'refused' ? outcome : undefined }
}
