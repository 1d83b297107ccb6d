import { closeSync, openSync, readSync } from 'node:fs'

/** A file that cannot be used as text. The message completes "file x ...". */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile'
}

const explanations: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist: create it or correct the path',
  ENOTDIR: 'does not exist: create it or correct the path',
  EACCES: 'may not be read by this user: change its owner or mode',
  EPERM: 'may not be read by this user: change its owner or mode',
  EISDIR: 'is a directory: name a file in it',
}

/** Reads a whole file as UTF-8, and never more than the limit, however long the file claims to be. */
export function readTextFile(path: string, maxBytes: number): string {
  const bytes = readBytes(path, maxBytes + 1)
  if (bytes.length > maxBytes) {
    throw new UnreadableFile(`is longer than ${maxBytes / 1024} KiB`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new UnreadableFile('is not valid UTF-8')
  }
}

function readBytes(path: string, atMost: number): Buffer {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    const bytes = Buffer.alloc(atMost)
    let length = 0
    for (;;) {
      const count = readSync(descriptor, bytes, length, atMost - length, null)
      length += count
      if (count === 0 || length === atMost) return bytes.subarray(0, length)
    }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error'
    throw new UnreadableFile(explanations[code] ?? `cannot be read (${code})`, { cause })
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}
