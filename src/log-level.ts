// A level of the log that holds for a while, in every process of the service.
import type { Config } from './config/index.ts'
import type { Log } from './telemetry/log.ts'

type LogLevel = Config['log']['level']

export interface LogLevelOptions {
  readonly log: Pick<Log, 'setLevel' | 'warn' | 'isEnabled'>
  readonly configured: () => LogLevel
  /** Tells the processes that have sessions, and resolves with how many did not answer. */
  readonly tell: (level: LogLevel) => Promise<number>
}

export interface LevelOrder {
  readonly level: LogLevel
  /** Undefined where it holds until a reload. */
  readonly forMs: number | undefined
  /** Who says that it was them. */
  readonly by: string
}

export interface LevelState {
  readonly level: LogLevel
  readonly configured: LogLevel
  /** In milliseconds since 1970; null where it is the configured one, or holds until a reload. */
  readonly untilMs: number | null
  /** Processes that have not taken it over. */
  readonly unanswered: number
}

export class LiveLogLevel {
  readonly #options: LogLevelOptions
  #live: { readonly level: LogLevel; readonly untilMs: number | undefined } | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: LogLevelOptions) {
    this.#options = options
  }

  /** The one that holds: for a process that is started, or takes a configuration over. */
  get level(): LogLevel {
    return this.#live?.level ?? this.#options.configured()
  }

  get state(): LevelState {
    const untilMs = this.#live?.untilMs ?? null
    return { level: this.level, configured: this.#options.configured(), untilMs, unanswered: 0 }
  }

  async set({ level, forMs, by }: LevelOrder): Promise<LevelState> {
    const untilMs = forMs === undefined ? undefined : Date.now() + forMs
    clearTimeout(this.#timer)
    this.#say('log level changed by the control socket', {
      ...{ level, before: this.level, by },
      until: untilMs === undefined ? 'a reload' : new Date(untilMs).toISOString(),
    })
    this.#live = { level, untilMs }
    if (forMs !== undefined) {
      this.#timer = setTimeout(() => void this.reset('its time is over'), forMs).unref()
    }
    return this.#apply()
  }

  /** Goes back to the configured one. */
  async reset(why: string): Promise<void> {
    clearTimeout(this.#timer)
    const before = this.#live
    this.#live = undefined
    if (before !== undefined) {
      this.#say('log level is the configured one again', { level: this.level, why })
    }
    await this.#apply()
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  async #apply(): Promise<LevelState> {
    const { log, tell } = this.#options
    log.setLevel(this.level)
    const unanswered = await tell(this.level).catch(() => 1)
    return { ...this.state, unanswered }
  }

  /** Whatever the level is: that nothing is logged has to be in the log. */
  #say(message: string, fields: Readonly<Record<string, unknown>>): void {
    const { log } = this.#options
    if (!log.isEnabled('warn')) log.setLevel('warn')
    log.warn(message, fields)
  }
}
