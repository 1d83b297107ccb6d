// One process at a time renews the tokens of a profile, or asks somebody to sign in.
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LockTaken, type FileLock, removeUnfinishedLocks, takeLock } from '../files/file-lock.ts'
import { cacheProblem, type TokenFolder } from './own-folder.ts'
import { CredentialProblem } from './problem.ts'
import type { Turn } from './store.ts'

const firstWaitMs = 20
const longestWaitMs = 250

export async function inTurn<T>(folder: TokenFolder, account: string, turn: Turn<T>): Promise<T> {
  await folder.make()
  const path = join(folder.path, `${account}.${turn.errand}.lock`)
  const deadline = performance.now() + turn.patienceMs
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 1.5, longestWaitMs)) {
    const lock = await tryLock(path)
    if (!(lock instanceof LockTaken)) return runWith(lock, path, turn.run)
    const found = await turn.meanwhile()
    if (found !== undefined) return found
    if (performance.now() >= deadline) throw tooLong(lock, turn)
    // Not all that wait at the same moment.
    await delay(waitMs * (0.5 + Math.random() / 2), undefined, { signal: turn.signal })
  }
}

async function runWith<T>(lock: FileLock, path: string, run: () => Promise<T>): Promise<T> {
  try {
    await removeUnfinishedLocks(path)
    return await run()
  } finally {
    await lock.release().catch(() => {})
  }
}

async function tryLock(path: string): Promise<FileLock | LockTaken> {
  try {
    return await takeLock(path, 0)
  } catch (error) {
    if (error instanceof LockTaken) return error
    throw cacheProblem(path, error)
  }
}

function tooLong<T>(lock: LockTaken, { errand, patienceMs }: Turn<T>): CredentialProblem {
  const what = errand === 'renewing' ? 'renew the tokens' : 'sign somebody in'
  return new CredentialProblem(
    'unreachable',
    `another process has tried to ${what} for more than ${Math.round(patienceMs / 1_000)} s`,
    { hint: `${lock.message}.`, cause: lock },
  )
}
