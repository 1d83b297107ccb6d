import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'

export interface AuditFile {
  readonly path: string
  readonly size: number
  /** When it was written last: a compressed one keeps that of what was in it. */
  readonly changedMs: number
  readonly isCompressed: boolean
}

export interface AuditFiles {
  /** The newest first. */
  readonly files: readonly AuditFile[]
  /** Those that are packed in a way that is not read here. */
  readonly unread: readonly string[]
}

const maxFiles = 1_000

/** The file and what was rotated out of it, beside it. Throws where the folder cannot be read. */
export async function findAuditFiles(file: string): Promise<AuditFiles> {
  const folder = dirname(file)
  const names = (await readdir(folder)).filter((name) => isOf(basename(file), name))
  const found = await Promise.all(
    names.map(async (name): Promise<AuditFile | undefined> => {
      const path = join(folder, name)
      // It may be rotated away at this moment.
      const about = await stat(path).catch(() => undefined)
      if (about?.isFile() !== true) return undefined
      return {
        path,
        size: about.size,
        changedMs: about.mtimeMs,
        isCompressed: name.endsWith('.gz'),
      }
    }),
  )
  const known = found
    .filter((one) => one !== undefined)
    .sort((one, other) => other.changedMs - one.changedMs)
  const isReadable = ({ path }: AuditFile): boolean => !/\.(?:xz|zst|bz2|lz4|zip)$/.test(path)
  return {
    files: known.filter(isReadable).slice(0, maxFiles),
    unread: known.filter((one) => !isReadable(one)).map(({ path }) => path),
  }
}

/** `audit.jsonl.1`, `audit.jsonl-20261122.gz` and `audit-20261122.jsonl` were `audit.jsonl`. */
function isOf(name: string, other: string): boolean {
  if (other === name) return true
  const extension = extname(name)
  const stem = name.slice(0, name.length - extension.length)
  const rest = other.startsWith(name)
    ? other.slice(name.length)
    : other.startsWith(stem) && /^[-_.]\d/.test(other.slice(stem.length))
      ? other.slice(stem.length)
      : undefined
  if (rest === undefined) return false
  const suffixes = /^[-_.][\w.-]*$/
  return suffixes.test(rest) && /\d|\.old|\.gz$/.test(rest) && !/\.(?:lock|tmp)$/.test(rest)
}
