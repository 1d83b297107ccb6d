import { type ChildProcess, fork } from 'node:child_process'
import type { Ledger } from '../session/ledger.ts'
import type { DrainOrder } from '../session/registry.ts'
import {
  type Answers,
  type AskOptions,
  callTimeoutMs,
  type ProcessBus,
  type WorkerHandle,
} from './bus.ts'
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

const startTimeoutMs = 30_000
const firstRestartMs = 500
const longestRestartMs = 30_000
/** A worker that lived this long did not die of its start. */
const healthyMs = 60_000

/** Runs the workers of a service, replaces those that die, and carries calls between them. */
export class Supervisor implements ProcessBus {
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

  /** Asks every worker but the one that asks itself, each with a deadline. */
  async askEach<T>(
    method: string,
    argument: unknown,
    { timeoutMs = callTimeoutMs, until, except }: AskOptions<T> = {},
  ): Promise<Answers<T>> {
    const asked = [...this.#workers.values()].filter(({ index }) => index !== except?.index)
    const found = Promise.withResolvers<Answers<T>>()
    const calls = asked.map(async ({ channel }) => {
      const answer = (await channel.call(method, argument, timeoutMs)) as T
      if (until?.(answer) === true) found.resolve({ answers: [answer], unanswered: 0 })
      return answer
    })
    const all = Promise.allSettled(calls).then((results): Answers<T> => {
      const answers = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
      // One that has ended before it answered has nothing left to say.
      const unanswered = asked.filter(
        ({ child }, index) => results[index]?.status === 'rejected' && child.connected,
      )
      return { answers, unanswered: unanswered.length }
    })
    return Promise.race([found.promise, all])
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
