// The deny file as what sessions are compared with, and how it is kept up to date.
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { type DenyEntry, readDenyFile } from './config/index.ts'
import { type Denial, Denials } from './session/denials.ts'

/** An entry that is added counts after so long at the latest, and the time that it takes to read the file. */
const pollMs = 1_000

export interface DenyListObserver {
  loaded(denials: Denials): void
  /** The last good entries stay in use. */
  failed(error: unknown): void
}

export interface DenyList {
  readonly denials: Denials
  /** Of the file, as it was before it was read. */
  readonly version: string | undefined
}

/** Throws where the file cannot be used; without a file nobody is denied. */
export function readDenyList(path: string | undefined): DenyList {
  if (path === undefined) return { denials: new Denials(), version: undefined }
  const version = versionOf(path)
  return { version, denials: new Denials(readDenyFile(path).map(toDenial)) }
}

function toDenial(entry: DenyEntry, index: number): Denial {
  const { issuer, subject, principal, group, role, address, until, reason } = entry
  const { token_id: id, token_id_hash: hash } = entry
  const tokenIdHash = id === undefined ? hash : createHash('sha256').update(id).digest('hex')
  return {
    selector: { issuer, subject, principal, group, role, tokenIdHash, address },
    untilMs: until,
    why: `entry ${index + 1} of the deny file${reason === undefined ? '' : `: ${reason}`}`,
  }
}

/** Reads the file again whenever it is another than the one of that version, until the returned function is called. */
export function watchDenyList(
  path: string | undefined,
  version: string | undefined,
  observer: DenyListObserver,
): () => void {
  if (path === undefined) return () => {}
  let known = version
  const look = (): void => {
    const found = versionOf(path)
    if (found === known) return
    known = found
    try {
      observer.loaded(readDenyList(path).denials)
    } catch (error) {
      observer.failed(error)
    }
  }
  const timer = setInterval(look, pollMs).unref()
  return () => {
    clearInterval(timer)
  }
}

/** Undefined where there is nothing to be seen. Whatever is written to a file changes one of these. */
function versionOf(path: string): string | undefined {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
    return [ino, size, mtimeNs, ctimeNs].join(' ')
  } catch {
    return undefined
  }
}
