// Tells systemd how the service is. Node has no datagrams on Unix sockets, so its own program sends them. Nothing
// waits for it, and nothing depends on it: what goes wrong is told once.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { ServiceManagerAddress } from './config/index.ts'

export interface ServiceManagerOptions {
  readonly address: ServiceManagerAddress | undefined
  readonly onError: (error: unknown) => void
  /** Sends them; given the words to say. */
  readonly program?: string
}

const run = promisify(execFile)
const sendTimeoutMs = 5_000
/** What waits to be sent; a program that hangs must not pile up more. */
const maxWaiting = 16
const longestTimer = 2_147_000_000

export class ServiceManager {
  readonly #options: ServiceManagerOptions
  /** One after the other: READY=1 in front of the RELOADING=1 before it would leave the service reloading. */
  #sent: Promise<void> = Promise.resolve()
  #waiting = 0
  #isTold = false
  #watchdog: NodeJS.Timeout | undefined

  constructor(options: ServiceManagerOptions) {
    this.#options = options
  }

  /** From now on it is told again and again that we are there. */
  ready(status: string): void {
    this.#send('READY=1', `STATUS=${oneLine(status)}`)
    const { watchdogMs } = this.#options.address ?? {}
    if (watchdogMs === undefined || this.#watchdog !== undefined) return
    this.#watchdog = setInterval(
      () => {
        this.#send('WATCHDOG=1')
      },
      Math.min(watchdogMs / 2, longestTimer),
    )
    this.#watchdog.unref()
  }

  /** To be followed by `ready`, whatever came of it. */
  reloading(): void {
    const now = process.hrtime.bigint() / 1_000n
    this.#send('RELOADING=1', `MONOTONIC_USEC=${now}`, 'STATUS=Reading the configuration again')
  }

  /** It may take so long, whatever the unit says. */
  stopping(status: string, longestMs: number): void {
    const usec = Math.ceil(longestMs) * 1_000
    this.#send('STOPPING=1', `EXTEND_TIMEOUT_USEC=${usec}`, `STATUS=${oneLine(status)}`)
  }

  #send(...words: readonly string[]): void {
    const { address } = this.#options
    if (address === undefined || this.#waiting >= maxWaiting) return
    this.#waiting += 1
    this.#sent = this.#sent
      .then(async () => this.#run(address.socket, words))
      .catch((error: unknown) => {
        if (this.#isTold) return
        this.#isTold = true
        this.#options.onError(error)
      })
      .finally(() => {
        this.#waiting -= 1
      })
  }

  async #run(socket: string, words: readonly string[]): Promise<void> {
    const { program = 'systemd-notify' } = this.#options
    const env = { NOTIFY_SOCKET: socket, PATH: '/usr/bin:/bin', LC_ALL: 'C' }
    const running = run(program, words, { env, timeout: sendTimeoutMs, killSignal: 'SIGKILL' })
    // A service that has stopped does not stay for it.
    running.child.unref()
    await running
  }
}

function oneLine(status: string): string {
  return status.replaceAll(/\s+/g, ' ').slice(0, 200)
}
