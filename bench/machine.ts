import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Installation } from './systems.ts'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGigabytes: number
  readonly architecture: string
  readonly system: string
  readonly kernel: string
}

export type Versions = Readonly<Record<string, string>>

const root = fileURLToPath(new URL('..', import.meta.url))
const timeoutMs = 10_000

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGigabytes: Math.round(totalmem() / 1024 ** 3),
    architecture: arch(),
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '',
    kernel: release(),
  }
}

export async function readVersions({ world, runtimes }: Installation): Promise<Versions> {
  const { pgbouncer, 'portcullis-bun': bun } = runtimes
  const [row] = await world.postgres.sql('show server_version')
  return {
    Portcullis: describeCommit(),
    'Node.js': `${process.versions.node} (OpenSSL ${process.versions.openssl})`,
    ...(bun === undefined ? {} : { Bun: say(bun, '--version') }),
    ...(pgbouncer === undefined ? {} : { PgBouncer: describePgBouncer(pgbouncer) }),
    PostgreSQL: String(row?.['server_version']),
    pgbench: describePgbench(world.programs.pgbench),
  }
}

function describePgbench(program: string): string {
  const line = say(program, '--version')
  return /\(PostgreSQL\) (\S+)/.exec(line)?.[1] ?? line
}

function describePgBouncer(program: string): string {
  const lines = say(program, '--version')
  const version = /PgBouncer (\S+)/.exec(lines)?.[1] ?? lines
  const tls = /tls: (OpenSSL \S+)/.exec(lines)?.[1]
  return tls === undefined ? version : `${version} (${tls})`
}

function describeCommit(): string {
  try {
    const commit = git('rev-parse', '--short', 'HEAD')
    const isChanged = git('status', '--porcelain', '--untracked-files=no', 'src') !== ''
    return isChanged ? `${commit}, with uncommitted changes` : commit
  } catch {
    return 'not from a repository'
  }
}

function git(...args: string[]): string {
  return say('git', '-C', root, ...args)
}

function say(program: string, ...args: string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    timeout: timeoutMs,
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim()
}
