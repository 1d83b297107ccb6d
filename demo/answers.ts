import type { IncomingMessage, ServerResponse } from 'node:http'

/** Answers a request in place of the provider; `next` lets the provider answer after all. */
export type Answer = (request: IncomingMessage, response: ServerResponse, next: () => void) => void

const chunkBytes = 64 * 1024

/** What providers, proxies and load balancers do on their bad days. */
export const answers = {
  status(code: number, body = ''): Answer {
    return (_, response) => {
      response.writeHead(code, { 'content-type': 'text/plain' }).end(body)
    }
  },

  json(value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
    return (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', ...headers })
      response.end(JSON.stringify(value))
    }
  },

  /** The login page of a captive portal, with status 200. */
  html(): Answer {
    return (_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><p>Welcome')
    }
  },

  redirect(location: string, code: 301 | 302 | 307 | 308 = 302): Answer {
    return (_, response) => {
      response.writeHead(code, { location }).end()
    }
  },

  /** A white space after the other, each soon enough to keep an idle timeout from firing. */
  slowDrip(intervalMs = 100): Answer {
    return (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const timer = setInterval(() => response.write(' '), intervalMs)
      response.once('close', () => {
        clearInterval(timer)
      })
    }
  },

  /** JSON that does not end before so many bytes, sent as fast as it is read. */
  oversized(bytes = 64 * 1024 * 1024): Answer {
    return (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{"keys":[],"padding":"')
      let left = bytes
      const chunk = 'x'.repeat(chunkBytes)
      const more = (): void => {
        while (left > 0) {
          left -= chunkBytes
          if (!response.write(chunk)) return
        }
        response.off('drain', more)
        response.end('"}')
      }
      response.on('drain', more)
      more()
    }
  },

  /** Nothing, not even a status line. */
  hang(): Answer {
    return () => {}
  },

  /** Answers as the provider does, but later. */
  late(ms: number): Answer {
    return (_, response, next) => {
      const timer = setTimeout(next, ms)
      response.once('close', () => {
        clearTimeout(timer)
      })
    }
  },
} as const
