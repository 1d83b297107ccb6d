// A file that this user alone can have written: what is asked of it is asked of the open file, not of its name.
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { codeOf } from '../files/file-lock.ts'
import { CredentialProblem } from './problem.ts'

export interface OwnFileRules {
  readonly maxBytes: number
  /** Bits that must not be set for others. */
  readonly forbiddenMode: number
  /** Whether it may be a link, as configuration that another tool keeps often is. Root may own it then, too. */
  readonly mayBeLink: boolean
  /** What one that is longer is. */
  readonly whenTooLong: 'refused' | 'nothing'
}

/** Undefined where there is none. */
export async function readOwnFile(path: string, rules: OwnFileRules): Promise<string | undefined> {
  const handle = await openOwn(path, rules)
  if (handle === undefined) return undefined
  try {
    await check(handle, path, rules)
    return await readBounded(handle, path, rules)
  } finally {
    await handle.close()
  }
}

async function openOwn(path: string, rules: OwnFileRules): Promise<FileHandle | undefined> {
  // A pipe would make opening wait for whoever writes to it.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK
  try {
    return await open(path, rules.mayBeLink ? flags : flags | constants.O_NOFOLLOW)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    if (code === 'ELOOP' || code === 'EMLINK') throw unfit(path, 'is a link', 'Remove it.')
    throw new CredentialProblem('configuration', `${path} cannot be read (${code ?? 'unknown'})`, {
      cause: error,
    })
  }
}

async function check(handle: FileHandle, path: string, rules: OwnFileRules): Promise<void> {
  const found = await handle.stat()
  if (!found.isFile()) throw unfit(path, 'is not a file', 'Remove it.')
  const self = process.getuid?.()
  // Windows has neither: a home is its owner's alone there.
  if (self === undefined) return
  if (found.uid !== self && !(rules.mayBeLink && found.uid === 0)) {
    throw unfit(path, 'belongs to another user', 'Remove it, or have it given to you.')
  }
  if ((found.mode & rules.forbiddenMode) !== 0) {
    const [what, change] =
      rules.forbiddenMode === 0o022
        ? ['can be written by others', 'go-w']
        : ['is open to others', 'go-rwx']
    throw unfit(path, what, `Run: chmod ${change} '${path}'`)
  }
}

async function readBounded(
  handle: FileHandle,
  path: string,
  { maxBytes, whenTooLong }: OwnFileRules,
): Promise<string | undefined> {
  const buffer = Buffer.alloc(maxBytes + 1)
  let length = 0
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length)
    length += bytesRead
    if (bytesRead === 0) return buffer.toString('utf8', 0, length)
    if (length <= maxBytes) continue
    if (whenTooLong === 'nothing') return undefined
    throw unfit(path, `has more than ${maxBytes} bytes`, 'Make it smaller, or remove it.')
  }
}

function unfit(path: string, what: string, hint: string): CredentialProblem {
  return new CredentialProblem('configuration', `${path} ${what}`, { hint })
}
