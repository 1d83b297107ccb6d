import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Environment, processEnvironment } from '../../credentials/environment.ts'
import { homeFolder } from '../../credentials/folders.ts'
import { endpointsOf } from '../../credentials/libpq.ts'
import { CredentialProblem } from '../../credentials/problem.ts'
import { openProfiles } from '../../credentials/profile-store.ts'
import { editOwnFile } from './edit-own-file.ts'
import { haveToken } from './have-token.ts'
import type { ClientOptions } from './options.ts'
import { putPassfileLines, removePassfileLines } from './passfile.ts'
import { reportProblem } from './report-problem.ts'
import { renewalDelayMs } from './renewal.ts'

export interface PgpassOptions extends ClientOptions {
  readonly file?: string
  readonly watch?: boolean
  readonly remove?: boolean
}

/** libpq reads none that is open to others. */
const rules = {
  maxBytes: 10_000_000,
  forbiddenMode: 0o077,
  mayBeLink: true,
  whenTooLong: 'refused',
} as const

const retryMs = 10_000

export async function writePgpass(options: PgpassOptions): Promise<number> {
  return reportProblem(async () => {
    const environment = processEnvironment()
    const named = await openProfiles(environment).read(options.profile)
    const endpoints = endpointsOf(named)
    const file = fileOf(options, environment)
    const remove = async (): Promise<void> =>
      editOwnFile(file, rules, (text) => removePassfileLines(text, endpoints))
    /** Returns when it expires. */
    const write = async (minimumMs?: number): Promise<number> => {
      const { grant } = await haveToken({ ...options, profile: named.name }, environment, {
        minimumMs,
      })
      await editOwnFile(file, rules, (text) => putPassfileLines(text, endpoints, grant.token))
      return grant.expiresAt
    }
    if (options.remove === true) {
      await remove()
      return 0
    }
    const expiresAt = await write()
    process.stdout.write(`${file}\n`)
    if (options.watch !== true) return 0
    try {
      await keepFresh(expiresAt, write)
    } finally {
      await remove()
    }
    return 0
  })
}

function fileOf({ file }: PgpassOptions, environment: Environment): string {
  if (file !== undefined) return resolve(file)
  const named = environment['PGPASSFILE'] ?? ''
  return named === '' ? join(homeFolder(environment), '.pgpass') : resolve(named)
}

/** Until a signal: then the line goes, since nobody renews it any more. */
async function keepFresh(first: number, write: () => Promise<number>): Promise<void> {
  const end = new AbortController()
  const stop = (): void => {
    end.abort()
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, stop)
  try {
    let expiresAt = first
    let waitMs = renewalDelayMs(expiresAt, Date.now())
    for (;;) {
      await delay(waitMs, undefined, { signal: end.signal }).catch(() => {})
      if (end.signal.aborted) return
      try {
        expiresAt = await write()
        waitMs = renewalDelayMs(expiresAt, Date.now())
      } catch (error) {
        if (!(error instanceof CredentialProblem) || error.kind !== 'unreachable') throw error
        process.stderr.write(`portcullis: ${error.message}\n`)
        waitMs = retryMs
      }
    }
  } finally {
    for (const signal of signals) process.off(signal, stop)
  }
}
