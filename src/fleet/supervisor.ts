import { type ChildProcess, fork } from 'node:child_process'
import type { SignInCall, SignInReply } from '../session/pending-sign-ins.ts'
import type { Ledger } from '../session/ledger.ts'
import type { DrainOrder } from '../session/registry.ts'
import type { CancelOutcome } from '../session/services.ts'
import { Channel, type Handlers } from './channel.ts'
import { portOfChild } from './ports.ts'
import { WorkerClaims } from './worker-claims.ts'

/** What a worker tells its primary about itself. */
export interface WorkerStatus {
  /** Issuers of its configuration, and how many of them it has keys of. */
  readonly issuers: number
  readonly issuersWithKeys: number
  /** Whether it lets nobody in, because no record of it could be kept. */
  readonly isRefusing: boolean
}

/** A cancel key as it crosses the channel. */
export interface CancelKey {
  readonly processId: number
  readonly secretKey: string
}

interface Worker {
  readonly index: number
  readonly child: ChildProcess
  readonly channel: Channel
  status: WorkerStatus | undefined
}

export interface SupervisorOptions {
  readonly workers: number
  /** The program that is run as a worker, and its arguments. */
  readonly program: string
  readonly arguments: readonly string[]
  /** What each worker is started with; asked for again when one is replaced. */
  readonly startArgument: (index: number) => unknown
  /** Of the sessions and tries of all workers. */
  readonly ledger: Ledger
  readonly onWorkerEnd: (index: number, how: string) => void
  /** Called before a worker is told to stop or found dead, to keep what it has counted. */
  readonly onSnapshot: (snapshot: unknown) => void
  /** A worker asks for the files of secrets to be looked at. */
  readonly refreshSecrets: () => Promise<void>
  /** What else a worker may call. */
  readonly handlersFor: (asking: WorkerHandle) => Handlers
}

/** A worker, for those who only tell one from another. */
export type WorkerHandle = Pick<Worker, 'index'>

/** What the workers said, and how many of them did not in time. */
export interface Answers<T> {
  readonly answers: readonly T[]
  readonly unanswered: number
}

const startTimeoutMs = 30_000
const callTimeoutMs = 5_000
/** A cancel request upstream has its own, shorter deadline. */
const cancelTimeoutMs = 20_000
const signInAnswerTimeoutMs = 90_000
const firstRestartMs = 500
const longestRestartMs = 30_000
/** A worker that lived this long did not die of its start. */
const healthyMs = 60_000

/** Runs the workers of a service, replaces those that die, and carries calls between them. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #workers = new Map<number, Worker>()
  #isStopping = false

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  /** Resolves when every worker listens; throws what the first of them could not do. */
  async start(): Promise<void> {
    const indexes = Array.from({ length: this.#options.workers }, (_, index) => index)
    await Promise.all(indexes.map(async (index) => this.#startWorker(index, firstRestartMs)))
  }

  /** The workers that listen, each with what it last said. */
  get statuses(): readonly WorkerStatus[] {
    return [...this.#workers.values()]
      .map((worker) => worker.status)
      .filter((one) => one !== undefined)
  }

  /**
   * Has every worker prepare to take something over, then `keep` done, then it taken over by all. Where a
   * worker cannot prepare, or `keep` throws, that is thrown and nothing has changed. Nobody can say no
   * afterwards: a worker that does not follow then is replaced.
   */
  async takeOver(argument: unknown, keep: () => Promise<void>): Promise<void> {
    let prepared: ReadonlySet<Worker>
    try {
      prepared = await this.#prepare(argument)
      await keep()
    } catch (error) {
      await Promise.allSettled(this.#callEach('abandon', undefined, callTimeoutMs))
      throw error
    }
    await Promise.all(
      [...this.#workers.values()].map(async (worker) => {
        // One that was started meanwhile has it all before it.
        const needed = prepared.has(worker) ? undefined : argument
        await worker.channel.call('commit', needed, startTimeoutMs).catch(() => {
          worker.child.kill('SIGKILL')
        })
      }),
    )
  }

  /** Rejects with the first that cannot; one that has ended has nothing to say any more. */
  async #prepare(argument: unknown): Promise<ReadonlySet<Worker>> {
    const workers = [...this.#workers.values()]
    const results = await Promise.allSettled(
      workers.map(async ({ channel }) => channel.call('prepare', argument, startTimeoutMs)),
    )
    for (const [index, result] of results.entries()) {
      const isAlive = workers[index]?.child.connected === true
      if (result.status === 'rejected' && isAlive) throw result.reason
    }
    return new Set(workers.filter((_, index) => results[index]?.status === 'fulfilled'))
  }

  async reopen(): Promise<void> {
    await Promise.allSettled(this.#callEach('reopen', undefined, callTimeoutMs))
  }

  /** The metrics of the workers that answer in time. */
  async snapshots(): Promise<readonly unknown[]> {
    const results = await Promise.allSettled(this.#callEach('snapshot', undefined, callTimeoutMs))
    return results.filter((one) => one.status === 'fulfilled').map((one) => one.value)
  }

  /** Asks the worker in which the sign-in waits, which is found by asking all. */
  async signIn(call: SignInCall): Promise<SignInReply> {
    // Behind an answer of the provider are requests to it, and behind each a login, with deadlines of their own.
    const isLong = call.kind === 'answer' || call.kind === 'approve'
    const timeoutMs = isLong ? signInAnswerTimeoutMs : callTimeoutMs
    const { promise: found, resolve } = Promise.withResolvers<SignInReply>()
    const replies = this.#callEach('signIn', call, timeoutMs).map(async (one) => {
      const reply = (await one) as SignInReply
      if (reply.kind !== 'unknown') resolve(reply)
    })
    // Whoever has it need not wait for a worker that does not answer; that nobody has it is for all to say.
    const nobody = Promise.all(replies).then((): SignInReply => ({ kind: 'unknown' }))
    return Promise.race([found, nobody])
  }

  /** Asks every worker but the one that asks itself, each with a deadline. */
  async askEach<T>(method: string, argument: unknown, asking?: WorkerHandle): Promise<Answers<T>> {
    const asked = [...this.#workers.values()].filter(({ index }) => index !== asking?.index)
    const results = await Promise.allSettled(
      asked.map(async ({ channel }) => channel.call(method, argument, callTimeoutMs)),
    )
    const answers = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value as T] : []))
    // One that has ended before it answered has nothing left to say.
    const unanswered = asked.filter(
      ({ child }, index) => results[index]?.status === 'rejected' && child.connected,
    )
    return { answers, unanswered: unanswered.length }
  }

  /** Asks one worker after the other until one answers. */
  async askAny(method: string, argument: unknown): Promise<unknown> {
    let failure: unknown = new Error('no worker is running')
    for (const { channel, status } of this.#workers.values()) {
      if (status === undefined) continue
      try {
        return await channel.call(method, argument, callTimeoutMs)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  /** Lets every worker drain and end; returns when all of them have. */
  async drain(order: DrainOrder): Promise<void> {
    this.#isStopping = true
    const ended = this.#allEnded()
    // Answered when nothing is left; a worker that dies on the way has nothing left either.
    await Promise.allSettled(this.#callEach('drain', order, order.deadlineMs + callTimeoutMs))
    for (const { child } of this.#workers.values()) child.disconnect()
    const stuck = setTimeout(() => {
      this.kill()
    }, callTimeoutMs)
    await ended
    clearTimeout(stuck)
  }

  /** Ends every session now; the drain that is under way sees to the rest. */
  endNow(): void {
    this.#isStopping = true
    for (const call of this.#callEach('endNow', undefined, callTimeoutMs)) call.catch(() => {})
  }

  kill(): void {
    this.#isStopping = true
    for (const { child } of this.#workers.values()) child.kill('SIGKILL')
  }

  async #startWorker(index: number, restartMs: number): Promise<void> {
    const startedAt = performance.now()
    const child = fork(this.#options.program, [...this.#options.arguments], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    })
    const claims = new WorkerClaims(this.#options.ledger)
    const worker: Worker = {
      index,
      child,
      status: undefined,
      channel: new Channel(portOfChild(child), {
        ...claims.handlers,
        status: (status: WorkerStatus) => {
          worker.status = status
        },
        cancel: async (key: CancelKey) => this.#cancel(worker, key),
        refreshSecrets: async () => this.#options.refreshSecrets(),
        ...this.#options.handlersFor({ index }),
        keep: (snapshot: unknown) => {
          this.#options.onSnapshot(snapshot)
        },
      }),
    }
    this.#workers.set(index, worker)
    let isStarted = false
    child.on('exit', (code, signal) => {
      claims.end()
      this.#workers.delete(index)
      if (this.#isStopping || !isStarted) return
      this.#options.onWorkerEnd(index, signal ?? `exit code ${code ?? 'unknown'}`)
      const lived = performance.now() - startedAt
      this.#restart(index, lived > healthyMs ? firstRestartMs : restartMs)
    })
    child.on('error', () => {})
    worker.status = await this.#handshake(worker)
    isStarted = true
  }

  async #handshake(worker: Worker): Promise<WorkerStatus> {
    const argument = this.#options.startArgument(worker.index)
    try {
      return (await worker.channel.call('start', argument, startTimeoutMs)) as WorkerStatus
    } catch (error) {
      worker.child.kill('SIGKILL')
      throw error
    }
  }

  #restart(index: number, restartMs: number): void {
    const nextMs = Math.min(restartMs * 2, longestRestartMs)
    setTimeout(() => {
      if (this.#isStopping) return
      this.#startWorker(index, nextMs).catch((error: unknown) => {
        const message = error instanceof Error ? error.message : 'unknown'
        this.#options.onWorkerEnd(index, `cannot start: ${message}`)
        if (!this.#isStopping) this.#restart(index, nextMs)
      })
    }, restartMs)
  }

  /** Asks the other workers; the one that has the session answers. */
  async #cancel(asking: Worker, key: CancelKey): Promise<CancelOutcome> {
    const others = [...this.#workers.values()].filter((worker) => worker !== asking)
    const outcomes = await Promise.allSettled(
      others.map(async ({ channel }) => channel.call('cancel', key, cancelTimeoutMs)),
    )
    const found = outcomes.find((one) => one.status === 'fulfilled' && one.value !== 'unknown-key')
    return found?.status === 'fulfilled' ? (found.value as CancelOutcome) : 'unknown-key'
  }

  #callEach(method: string, argument: unknown, timeoutMs: number): Promise<unknown>[] {
    return [...this.#workers.values()].map(async ({ channel }) =>
      channel.call(method, argument, timeoutMs),
    )
  }

  async #allEnded(): Promise<void> {
    const children = [...this.#workers.values()].map(({ child }) => child)
    await Promise.all(
      children.map(
        async (child) =>
          new Promise<void>((resolve) => {
            if (child.exitCode !== null || child.signalCode !== null) resolve()
            else
              child.once('exit', () => {
                resolve()
              })
          }),
      ),
    )
  }
}
