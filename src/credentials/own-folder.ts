// The folder of the cache, which nobody else may look into.
import { lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../files/file-lock.ts'
import type { Environment } from './environment.ts'
import { cacheFolder } from './folders.ts'
import { CredentialProblem } from './problem.ts'

export interface TokenFolder {
  /** Throws a problem `configuration` where it is not ours alone. False where there is none yet. */
  check(): Promise<boolean>
  make(): Promise<void>
  readonly path: string
}

export function tokenFolder(environment: Environment): TokenFolder {
  const parent = cacheFolder(environment)
  const path = join(parent, 'tokens')
  // Who can write to the one around it could put another in its place.
  const check = async (): Promise<boolean> =>
    (await isOwn(parent, 0o022)) && (await isOwn(path, 0o077))
  return {
    path,
    check,
    make: async () => {
      try {
        await mkdir(path, { recursive: true, mode: 0o700 })
      } catch (error) {
        throw cacheProblem(path, error)
      }
      await check()
    },
  }
}

async function isOwn(path: string, forbiddenMode: number): Promise<boolean> {
  let found
  try {
    found = await lstat(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return false
    throw cacheProblem(path, error)
  }
  if (found.isSymbolicLink()) throw unfit(path, 'is a link', 'Remove it.')
  if (!found.isDirectory()) throw unfit(path, 'is not a folder', 'Remove it.')
  const self = process.getuid?.()
  // Windows has neither: a home is its owner's alone there.
  if (self === undefined) return true
  if (found.uid !== self) {
    const hint = 'Remove it, or have XDG_CACHE_HOME name a folder of your own.'
    throw unfit(path, 'belongs to another user', hint)
  }
  if ((found.mode & forbiddenMode) !== 0) {
    const [what, change] =
      forbiddenMode === 0o077 ? ['is open to', 'go-rwx'] : ['can be written by', 'go-w']
    throw unfit(path, `${what} others`, `Run: chmod ${change} '${path}'`)
  }
  return true
}

/** Of whatever the system says about a file of the cache. */
export function cacheProblem(path: string, cause: unknown): CredentialProblem {
  const code = codeOf(cause) ?? 'unknown'
  const isFull = code === 'ENOSPC' || code === 'EDQUOT'
  return new CredentialProblem(
    isFull ? 'failed' : 'configuration',
    `tokens cannot be kept in ${path} (${code})`,
    {
      cause,
      hint: isFull
        ? 'Make room on the disk.'
        : 'Have XDG_CACHE_HOME name a folder that can be written to, or say `store: none` in the profile.',
    },
  )
}

function unfit(path: string, what: string, hint: string): CredentialProblem {
  return new CredentialProblem('configuration', `the folder ${path} ${what}`, { hint })
}
