import { Refusal } from '../refusal.ts'
import { type Frame, readFrame } from '../wire/frame.ts'
import { PacketReader } from '../wire/packet-reader.ts'
import { parseBackendMessage } from '../wire/read-backend.ts'
import type { LoginCredential } from './answer-authentication.ts'
import type { LoginRequest, UpstreamSession } from './log-in.ts'
import { askCleanState, discardAll } from './clean-state.ts'
import { closeSession } from './close-session.ts'
import { askFacts, type SessionFacts } from './session-facts.ts'
import { withinMs } from './within.ts'

/** What it is called in `pg_stat_activity` while nobody has it. */
const waitingName = 'portcullis (warm)'
const maxBodyBytes = 65_536
const longestQuestionMs = 1_000
/** For all that is asked of a session that comes back. */
const longestResetMs = 2_000

interface Parked {
  readonly session: UpstreamSession
  readonly request: LoginRequest
  readonly facts: SessionFacts
  /** Undefined where it is nobody's a second time. */
  readonly cleanHash: string | undefined
  readonly openedAtMs: number
}

/** A session that no client has. */
export class ParkedSession {
  readonly #parked: Parked
  readonly #watch: PacketReader

  private constructor(parked: Parked, onGone: (gone: ParkedSession) => void) {
    this.#parked = parked
    this.#watch = new PacketReader(parked.session.socket)
    // Nobody asks for anything: whatever comes is a farewell, or news that a login would have had before.
    const anything = this.#watch.read((bytes) =>
      bytes.length === 0 ? undefined : { value: undefined, length: 0 },
    )
    const gone = (): void => {
      onGone(this)
    }
    anything.then(gone, gone)
  }

  /** Whether another client may have it once it has been one's. */
  get canComeBack(): boolean {
    const { cleanHash, facts, session } = this.#parked
    return cleanHash !== undefined && !facts.isSuperuser && !session.isSuperuser
  }

  get openedAtMs(): number {
    return this.#parked.openedAtMs
  }

  /** Takes the place of the client of a session that has just been opened. Throws, and closes it, where it cannot. */
  static async park(
    session: UpstreamSession,
    request: LoginRequest,
    isWanted: (facts: SessionFacts) => boolean,
    onGone: (gone: ParkedSession) => void,
    openedAtMs: number,
    mayComeBack: boolean,
  ): Promise<ParkedSession> {
    try {
      if (session.early.length > 0) throw new Refusal('upstream-protocol')
      const { facts, early } = await ask(session, request, waitingNameOf(request))
      if (early.length > 0 || !isWanted(facts)) throw new Refusal('upstream-unwanted')
      const cleanHash = mayComeBack ? await askHash(session, request) : undefined
      const own = { ...request, requirement: undefined }
      return new ParkedSession({ session, request: own, facts, cleanHash, openedAtMs }, onGone)
    } catch (error) {
      closeSession(session)
      throw error
    }
  }

  /**
   * Makes it the session of this login, if it is what a new one would be by now; closes it and returns
   * undefined if not. It can be called once.
   */
  async handOver(request: LoginRequest): Promise<UpstreamSession | undefined> {
    const { session, request: before, facts: known } = this.#parked
    const unread = this.#watch.release()
    const isSame = isSameCredential(before.credential, request.credential)
    try {
      if (unread.length > 0 || session.socket.destroyed || !isSame)
        throw new Refusal('upstream-unwanted')
      const { facts, early } = await ask(
        session,
        request,
        request.parameters.get('application_name'),
      )
      const needsMember = (request.requirement?.memberOf.length ?? 0) > 0
      if (facts.fingerprint !== known.fingerprint || (needsMember && !facts.isMember)) {
        throw new Refusal('upstream-unwanted')
      }
      return {
        ...session,
        greeting: withStatuses(session.greeting, facts.statuses),
        early,
        isSuperuser: facts.isSuperuser || session.isSuperuser,
      }
    } catch {
      closeSession(session)
      return undefined
    }
  }

  /**
   * Makes it nobody's again after a client had it, if it comes to be exactly what it was; closes it and
   * returns undefined if not.
   */
  async comeBack(onGone: (gone: ParkedSession) => void): Promise<ParkedSession | undefined> {
    const { session, request, facts: known, cleanHash } = this.#parked
    try {
      const { facts, statuses } = await withinMs(
        this.#reset(),
        longestResetMs,
        new Refusal('upstream-timeout', { logDetail: 'asked to forget what was in the session' }),
      )
      if (facts.fingerprint !== known.fingerprint || facts.isSuperuser || session.socket.destroyed)
        throw new Refusal('upstream-unwanted')
      const greeting = withStatuses(session.greeting, statuses)
      const again = { session: { ...session, greeting }, request, facts, cleanHash }
      return new ParkedSession({ ...again, openedAtMs: this.openedAtMs }, onGone)
    } catch {
      closeSession(session)
      return undefined
    }
  }

  async #reset(): Promise<{ readonly facts: SessionFacts; readonly statuses: Buffer }> {
    const { session, request, cleanHash } = this.#parked
    const discarded = await converse(session, discardAll)
    if (discarded.early.length > 0) throw new Refusal('upstream-protocol')
    const hash = await askHash(session, request)
    if (hash === undefined || hash !== cleanHash) throw new Refusal('upstream-unwanted')
    const { facts, early } = await ask(session, request, waitingNameOf(request))
    if (early.length > 0) throw new Refusal('upstream-protocol')
    return { facts, statuses: Buffer.concat([discarded.answer, facts.statuses]) }
  }

  close(): void {
    this.#watch.release()
    closeSession(this.#parked.session)
  }
}

/** Another password is another right to log in; a certificate is as good as any other of its role. */
function isSameCredential(before: LoginCredential, now: LoginCredential): boolean {
  if (before.kind === 'password') return now.kind === 'password' && before.password === now.password
  return before.kind === now.kind
}

function waitingNameOf({ parameters }: LoginRequest): string | undefined {
  return parameters.has('application_name') ? waitingName : undefined
}

async function ask(
  session: UpstreamSession,
  { role, requirement }: LoginRequest,
  applicationName: string | undefined,
): Promise<{ readonly facts: SessionFacts; readonly early: Buffer }> {
  const question = { role, memberOf: requirement?.memberOf ?? [], applicationName }
  const { answer: facts, early } = await converse(session, async (next, send) =>
    askFacts(question, next, send),
  )
  return { facts, early }
}

/** What the session has to come back to, undefined where it is not even that of its role alone. */
async function askHash(
  session: UpstreamSession,
  { role }: LoginRequest,
): Promise<string | undefined> {
  const { answer, early } = await converse(session, async (next, send) =>
    askCleanState(role, next, send),
  )
  if (early.length > 0) throw new Refusal('upstream-protocol')
  return answer
}

/** What a question comes to, and what the server said behind its answer. */
async function converse<T>(
  { socket }: UpstreamSession,
  question: (next: () => Promise<Frame>, send: (message: Buffer) => void) => Promise<T>,
): Promise<{ readonly answer: T; readonly early: Buffer }> {
  const reader = new PacketReader(socket)
  const next = async (): Promise<Frame> => reader.read((bytes) => readFrame(bytes, maxBodyBytes))
  const late = new Refusal('upstream-timeout', { logDetail: 'asked about the session' })
  const asked = question(next, (message) => socket.write(message))
  const answer = await withinMs(asked, longestQuestionMs, late)
  return { answer, early: reader.release() }
}

/** The greeting of a session whose parameters have changed, as a login would have had it. */
export function withStatuses(greeting: Buffer, statuses: Buffer): Buffer {
  const frames = framesOf(greeting)
  for (const frame of framesOf(statuses)) {
    const name = statusName(frame)
    const known = frames.findIndex((one) => statusName(one) === name)
    if (known === -1) frames.push(frame)
    else frames[known] = frame
  }
  return Buffer.concat(frames.map(({ raw }) => raw))
}

function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  for (let rest = bytes; ;) {
    const taken = readFrame(rest, maxBodyBytes)
    if (taken === undefined) return frames
    frames.push(taken.value)
    rest = rest.subarray(taken.length)
  }
}

function statusName(frame: Frame): string | undefined {
  const message = parseBackendMessage(frame)
  return message.kind === 'parameter-status' ? message.name : undefined
}
