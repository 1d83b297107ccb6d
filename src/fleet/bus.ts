// One bus: what is asked of every process that has sessions, wherever it runs. Its implementations are the own process
// (here), the workers of this machine (`supervisor.ts`) and the other replicas (`store-bus.ts`).
import type { Handlers } from './channel.ts'

/** What the processes said, and how many of them did not in time. */
export interface Answers<T> {
  readonly answers: readonly T[]
  readonly unanswered: number
}

export interface AskOptions<T> {
  readonly timeoutMs?: number
  /** The first answer that is what was looked for ends the wait for the others. */
  readonly until?: (answer: T) => boolean
  /** Who asks, and is not asked itself. */
  readonly except?: WorkerHandle | undefined
}

/** A worker, for those who only tell one from another. */
export interface WorkerHandle {
  readonly index: number
}

/** Asks all at once, each with a deadline. Never throws: whoever cannot be asked has not answered. */
export interface Bus {
  askEach<T>(method: string, argument: unknown, options?: AskOptions<T>): Promise<Answers<T>>
}

/** The processes of one replica. */
export interface ProcessBus extends Bus {
  /** Asks one after the other until one answers, for what is the same in all. Throws what the last of them said. */
  askAny(method: string, argument: unknown): Promise<unknown>
}

export const callTimeoutMs = 5_000

export const nobody: Bus = {
  askEach: async () => Promise.resolve({ answers: [], unanswered: 0 }),
}

/** The one process of a replica that has no workers. */
export function localBus(handlers: Handlers): ProcessBus {
  const askAny = async (method: string, argument: unknown): Promise<unknown> =>
    // Both ends are the same program, as over a channel.
    Promise.resolve(handlers[method]?.(argument as never))
  return {
    askAny,
    askEach: async <T>(method: string, argument: unknown): Promise<Answers<T>> => {
      try {
        return { answers: [(await askAny(method, argument)) as T], unanswered: 0 }
      } catch {
        return { answers: [], unanswered: 1 }
      }
    },
  }
}

/** The own processes and those of the other replicas as one. */
export function bothOf(own: Bus, peers: Bus): Bus {
  return {
    askEach: async <T>(method: string, argument: unknown, options: AskOptions<T> = {}) => {
      const { until } = options
      const asked = [own, peers].map(async (bus) => bus.askEach<T>(method, argument, options))
      if (until === undefined) return addUp(await Promise.all(asked))
      const found = Promise.withResolvers<Answers<T>>()
      for (const one of asked) {
        void one.then((said) => {
          if (said.answers.some(until)) found.resolve(said)
        })
      }
      return Promise.race([found.promise, Promise.all(asked).then(addUp)])
    },
  }
}

export function addUp<T>(all: readonly Answers<T>[]): Answers<T> {
  return {
    answers: all.flatMap(({ answers }) => answers),
    unanswered: all.reduce((sum, { unanswered }) => sum + unanswered, 0),
  }
}
