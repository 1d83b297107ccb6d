// A file of the user's that other programs read and write as well: one of ours at a time, and whole or not at all.
import { randomUUID } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { CredentialProblem } from '../../credentials/problem.ts'
import { type OwnFileRules, readOwnFile } from '../../credentials/read-own-file.ts'
import { LockTaken, takeLock } from '../../files/file-lock.ts'
import { replaceFile, writeNew } from '../../files/replace-file.ts'

const lockTimeoutMs = 10_000

/** Changes what is in it. A new one is for its owner alone. */
export async function editOwnFile(
  path: string,
  rules: OwnFileRules,
  edit: (text: string) => string,
): Promise<void> {
  const lock = await takeLock(`${path}.portcullis-lock`, lockTimeoutMs).catch((error: unknown) => {
    if (!(error instanceof LockTaken)) throw error
    throw new CredentialProblem('failed', `${path} is being written: ${error.message}`)
  })
  try {
    const before = await readOwnFile(path, rules)
    const after = edit(before ?? '')
    if (after === before) return
    if (before === undefined) await putNew(path, after)
    else await replaceFile({ file: path, text: after, check: async () => {} })
  } finally {
    await lock.release()
  }
}

async function putNew(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    await writeNew(temporary, text)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
