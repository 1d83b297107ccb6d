// What stands in front of replicas, run from the configuration that is shipped, with addresses of this machine in it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { exitOf, stopProcess } from '../../bench/run-program.ts'
import type { CertificateAndKey } from '../../demo/certificates.ts'
import { root } from '../../tools/run.ts'
import { until } from '../support/until.ts'

/** Where a replica listens, on loopback. */
export interface Ports {
  readonly sessions: number
  readonly health: number
  readonly pages: number
}

export interface FrontOptions {
  readonly folder: string
  /** At most as many as the shipped configuration has. */
  readonly replicas: readonly Ports[]
  readonly sessionsPort: number
  readonly pagesPort: number
  /** Of the pages, where TLS ends in front. */
  readonly tls: CertificateAndKey
}

export interface Front extends AsyncDisposable {
  /** Sees to it that a replica gets nobody new, before it is stopped; nothing where the front finds out by itself. */
  takeOut(replica: number): Promise<void>
  /** Once it is started again. */
  putBack(replica: number): Promise<void>
  /** Whether it has found that a replica is not to be asked. */
  isOut(replica: number): Promise<boolean>
  readonly log: () => string
}

export interface FrontKind {
  readonly name: string
  readonly program: string
  /** What it is not run for here; undefined where it is. */
  readonly whyNot: string | undefined
  /** Whether it ends TLS of the pages, and says where a browser is. */
  readonly endsTlsOfPages: boolean
  readonly start: (options: FrontOptions) => Promise<Front>
}

/** The example replicas of the shipped files, in their order. */
export const exampleAddresses = ['10.0.0.11', '10.0.0.12', '10.0.0.13'] as const

export async function readShipped(path: string): Promise<string> {
  return readFile(join(root, 'deploy', path), 'utf8')
}

/** Replaces each text by the other; what is not there any more has to be looked at by somebody. */
export function substitute(text: string, changes: readonly (readonly [string, string])[]): string {
  return changes.reduce((result, [from, to]) => {
    if (!result.includes(from)) throw new Error(`the shipped configuration has no "${from}"`)
    return result.replaceAll(from, to)
  }, text)
}

/** Without the lines of replicas that there are none of. */
export function withoutOthers(text: string, replicas: number): string {
  const others = exampleAddresses.slice(replicas)
  return text
    .split('\n')
    .filter((line) => !others.some((address) => line.includes(address)))
    .join('\n')
}

export interface Running {
  readonly child: ChildProcess
  readonly log: () => string
}

const startDeadlineMs = 15_000

/** Starts it, and resolves when it takes connections at all of the ports. */
export async function startFront(
  program: string,
  args: readonly string[],
  ports: readonly number[],
): Promise<Running> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (log += text))
  let hasEnded = false
  exitOf(child).then(
    () => (hasEnded = true),
    () => (hasEnded = true),
  )
  try {
    for (const port of ports) {
      await until(
        `${program} to listen on ${port}`,
        async () => {
          if (hasEnded) throw new Error('it ended')
          return isListening(port)
        },
        startDeadlineMs,
      )
    }
  } catch (cause) {
    await stopProcess(child)
    throw new Error(`${program} did not start:\n${log}`, { cause })
  }
  return { child, log: () => log }
}

export async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
