// A file that is written whole or not at all, whatever happens meanwhile.
import { randomUUID } from 'node:crypto'
import { type FileHandle, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const temporaryMode = 0o600
const mark = '.portcullis-'
const suffix = '.tmp'

export interface Replacement {
  readonly file: string
  readonly text: string
  /** Looked at right before: throws where somebody else has written meanwhile. */
  readonly check: () => Promise<void>
}

/**
 * Replaces what is in a file by way of another one in its folder. Owner and mode stay; of a link, the file
 * that it leads to is replaced. Throws what the system says, and then the file is as it was.
 */
export async function replaceFile({ file, text, check }: Replacement): Promise<void> {
  const target = await realpath(file)
  const { mode, uid, gid } = await stat(target)
  const temporary = `${target}${mark}${randomUUID()}${suffix}`
  try {
    await writeNew(temporary, text, async (handle) => {
      const own = await handle.stat()
      if (own.uid !== uid || own.gid !== gid) await handle.chown(uid, gid)
      await handle.chmod(mode & 0o7777)
    })
    await check()
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(dirname(target))
}

/** Writes a file that must not be there yet, and returns when it is on the disk. */
export async function writeNew(
  path: string,
  text: string,
  prepare: (handle: FileHandle) => Promise<void> = async () => {},
): Promise<void> {
  const handle = await open(path, 'wx', temporaryMode)
  try {
    await handle.writeFile(text)
    await prepare(handle)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes sure of names. Where folders cannot be opened there is no way to. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync().catch(() => {})
  } finally {
    await handle.close()
  }
}

/** Of writers that did not come to the end. Only for whoever has the lock: nobody writes then. */
export async function removeLeftovers(file: string): Promise<void> {
  const target = await realpath(file)
  const begin = `${basename(target)}${mark}`
  for (const name of await readdir(dirname(target))) {
    if (!name.startsWith(begin) || !name.endsWith(suffix)) continue
    await rm(join(dirname(target), name), { force: true })
  }
}
