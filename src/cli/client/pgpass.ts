import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Environment, processEnvironment } from '../../credentials/environment.ts'
import { homeFolder } from '../../credentials/folders.ts'
import type { Grant } from '../../credentials/grant.ts'
import { endpointsOf } from '../../credentials/libpq.ts'
import { CredentialProblem } from '../../credentials/problem.ts'
import { openProfiles } from '../../credentials/profile-store.ts'
import { printable } from '../../refusal.ts'
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
    const edit = async (change: (text: string) => string): Promise<void> =>
      editOwnFile(file, rules, change)
    const remove = async (): Promise<void> => edit((text) => removePassfileLines(text, endpoints))
    if (options.remove === true) {
      await remove()
      return 0
    }
    const have = async (): Promise<Grant> =>
      (await haveToken({ ...options, profile: named.name }, environment)).grant
    const write = async ({ token }: Grant): Promise<void> =>
      edit((text) => putPassfileLines(text, endpoints, token))
    const grant = await have()
    if (options.watch !== true) {
      await write(grant)
      process.stdout.write(`${file}\n`)
      return 0
    }
    // From before there is a line, so that none is left behind.
    using end = untilSignal()
    try {
      await write(grant)
      process.stdout.write(`${file}\n`)
      await keepFresh(grant, { have, write, signal: end.signal })
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

interface Freshness {
  readonly have: () => Promise<Grant>
  readonly write: (grant: Grant) => Promise<void>
  readonly signal: AbortSignal
}

async function keepFresh(first: Grant, { have, write, signal }: Freshness): Promise<void> {
  let waitMs = renewalDelayMs(first.expiresAt, Date.now())
  for (;;) {
    await delay(waitMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    try {
      const grant = await have()
      await write(grant)
      waitMs = renewalDelayMs(grant.expiresAt, Date.now())
    } catch (error) {
      // The network may come back, and until then the token may be good.
      if (!(error instanceof CredentialProblem) || error.kind !== 'unreachable') throw error
      process.stderr.write(`portcullis: ${printable(error.message)}\n`)
      waitMs = retryMs
    }
  }
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

function untilSignal(): Disposable & { readonly signal: AbortSignal } {
  const end = new AbortController()
  const stop = (): void => {
    end.abort()
  }
  for (const signal of signals) process.on(signal, stop)
  return {
    signal: end.signal,
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, stop)
    },
  }
}
