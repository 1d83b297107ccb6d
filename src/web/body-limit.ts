import type { Context, Env, MiddlewareHandler } from 'hono'

/**
 * No handler sees a body that is longer, whether its length is said before or not. That of hono copies the
 * request of the server, which Node's `Request` does not take for one, so that whatever came in pieces failed.
 */
export function limitBody<E extends Env>(
  maxBytes: number,
  tooLong: (c: Context<E>) => Response | Promise<Response>,
): MiddlewareHandler<E> {
  return async (c, next) => {
    const { headers, method, body, signal } = c.req.raw
    const length = headers.get('content-length')
    if (length !== null && !headers.has('transfer-encoding')) {
      if (Number(length) > maxBytes) return tooLong(c)
    } else if (body !== null) {
      const bytes = await readUpTo(maxBytes, body)
      if (bytes === undefined) return tooLong(c)
      c.req.raw = new Request(c.req.url, { method, headers, signal, body: bytes })
    }
    await next()
    return undefined
  }
}

async function readUpTo(
  maxBytes: number,
  stream: ReadableStream<Uint8Array>,
): Promise<Buffer<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
