import { open } from 'node:fs/promises'
import { FetchError } from './bounded-fetch.ts'

/** Reads a whole file as text, and never more than the limit, however long the file claims to be. */
export async function readBoundedFile(path: string, maxBytes: number): Promise<string> {
  const handle = await open(path)
  try {
    const bytes = Buffer.alloc(maxBytes + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length)
      length += bytesRead
      if (length > maxBytes) throw new FetchError(`${path} is longer than ${maxBytes} bytes`)
      if (bytesRead === 0) return bytes.toString('utf8', 0, length)
    }
  } finally {
    await handle.close()
  }
}
