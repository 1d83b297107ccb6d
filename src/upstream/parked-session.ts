import { Refusal } from '../refusal.ts'
import { type Frame, readFrame } from '../wire/frame.ts'
import { PacketReader } from '../wire/packet-reader.ts'
import { parseBackendMessage } from '../wire/read-backend.ts'
import { terminate } from '../wire/write-frontend.ts'
import type { LoginCredential } from './answer-authentication.ts'
import type { LoginRequest, UpstreamSession } from './log-in.ts'
import { askFacts, type SessionFacts } from './session-facts.ts'
import { withinMs } from './within.ts'

/** What it is called in `pg_stat_activity` while nobody has it. */
const waitingName = 'portcullis (warm)'
const maxBodyBytes = 65_536
const longestQuestionMs = 1_000

/** A session that no client has had yet. */
export class ParkedSession {
  readonly openedAtMs: number
  readonly #session: UpstreamSession
  readonly #credential: LoginCredential
  readonly #facts: SessionFacts
  readonly #watch: PacketReader

  private constructor(
    session: UpstreamSession,
    credential: LoginCredential,
    facts: SessionFacts,
    onGone: (gone: ParkedSession) => void,
    nowMs: number,
  ) {
    this.#session = session
    this.#credential = credential
    this.#facts = facts
    this.openedAtMs = nowMs
    this.#watch = new PacketReader(session.socket)
    // Nobody asks for anything: whatever comes is a farewell, or news that a login would have had before.
    const anything = this.#watch.read((bytes) =>
      bytes.length === 0 ? undefined : { value: undefined, length: 0 },
    )
    const gone = (): void => {
      onGone(this)
    }
    anything.then(gone, gone)
  }

  /** Takes the place of the client of a session that has just been opened. Throws, and closes it, where it cannot. */
  static async park(
    session: UpstreamSession,
    request: LoginRequest,
    isWanted: (facts: SessionFacts) => boolean,
    onGone: (gone: ParkedSession) => void,
    nowMs: number,
  ): Promise<ParkedSession> {
    try {
      if (session.early.length > 0) throw new Refusal('upstream-protocol')
      const name = request.parameters.has('application_name') ? waitingName : undefined
      const { facts, early } = await ask(session, request, name)
      if (early.length > 0 || !isWanted(facts)) throw new Refusal('upstream-unwanted')
      return new ParkedSession(session, request.credential, facts, onGone, nowMs)
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
    const session = this.#session
    const unread = this.#watch.release()
    const isSame = isSameCredential(this.#credential, request.credential)
    try {
      if (unread.length > 0 || session.socket.destroyed || !isSame)
        throw new Refusal('upstream-unwanted')
      const { facts, early } = await ask(
        session,
        request,
        request.parameters.get('application_name'),
      )
      const needsMember = (request.requirement?.memberOf.length ?? 0) > 0
      if (facts.fingerprint !== this.#facts.fingerprint || (needsMember && !facts.isMember)) {
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

  close(): void {
    this.#watch.release()
    closeSession(this.#session)
  }
}

export function closeSession({ socket }: UpstreamSession): void {
  if (socket.destroyed) return
  socket.end(terminate)
  socket.destroySoon()
}

/** Another password is another right to log in; a certificate is as good as any other of its role. */
function isSameCredential(before: LoginCredential, now: LoginCredential): boolean {
  if (before.kind === 'password') return now.kind === 'password' && before.password === now.password
  return before.kind === now.kind
}

async function ask(
  { socket }: UpstreamSession,
  { role, requirement }: LoginRequest,
  applicationName: string | undefined,
): Promise<{ readonly facts: SessionFacts; readonly early: Buffer }> {
  const reader = new PacketReader(socket)
  const next = async (): Promise<Frame> => reader.read((bytes) => readFrame(bytes, maxBodyBytes))
  const question = { role, memberOf: requirement?.memberOf ?? [], applicationName }
  const late = new Refusal('upstream-timeout', { logDetail: 'asked about the session' })
  const answer = askFacts(question, next, (message) => socket.write(message))
  const facts = await withinMs(answer, longestQuestionMs, late)
  return { facts, early: reader.release() }
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
