// The port of this machine that the browser comes back to. Everybody on it can reach it, and so can every page that
// the browser shows: only what has the state of this sign-in is an answer to it, and only once.
import { timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { printable } from '../../refusal.ts'
import { CredentialProblem } from '../problem.ts'

export interface Loopback extends AsyncDisposable {
  readonly redirectUri: string
  /** The query of the one answer that has this state. */
  answerTo(state: string): Promise<string>
}

const usualUri = 'http://127.0.0.1/callback'
const lastPath = '/portcullis-done'
const requestMs = 10_000
const mostConnections = 50
/** For the browser to follow to the last page, where it does. */
const lastPageMs = 1_000

/** With any port where `uri` has none. */
export async function openLoopback(uri = usualUri): Promise<Loopback> {
  const { host, port, path } = readUri(uri)
  const arrival = Promise.withResolvers<string>()
  const lastPage = Promise.withResolvers<undefined>()
  let expected: string | undefined
  let isAnswered = false
  const server = createServer(
    { requestTimeout: requestMs, headersTimeout: requestMs, connectionsCheckingInterval: 1_000 },
    (request, response) => {
      request.resume()
      const url = urlOf(request, `${host}:${portOf(server)}`)
      if (url === undefined) {
        page(response, 400, 'This request is for somebody else.')
      } else if (url.pathname === lastPath && url.search === '') {
        page(response, 200, lastText)
        if (isAnswered) {
          response.once('close', () => {
            lastPage.resolve(undefined)
          })
        }
      } else if (url.pathname !== (path || '/')) {
        page(response, 404, 'There is nothing here.')
      } else if (isAnswered || !isAnswer(url.searchParams, expected)) {
        page(response, 400, 'This is not the answer to a sign-in that waits here.')
      } else {
        isAnswered = true
        // The address with the code in it is in no history, and nobody sees it.
        response.writeHead(303, { ...headers, location: lastPath }).end()
        arrival.resolve(url.search)
      }
    },
  )
  server.maxConnections = mostConnections
  try {
    // Whatever the name in the address is: from no other machine.
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  } catch (error) {
    throw new CredentialProblem('failed', `port ${port} of this machine cannot be listened on`, {
      hint: 'The profile has it in redirect_uri: look whether another program has it.',
      cause: error,
    })
  }
  return {
    redirectUri: `http://${host}:${portOf(server)}${path}`,
    answerTo: async (state) => {
      expected = state
      return arrival.promise
    },
    [Symbol.asyncDispose]: async () => {
      if (isAnswered) await soon(lastPage.promise)
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** Waits for a moment at most, and leaves nothing behind for which the process would stay. */
async function soon(done: Promise<unknown>): Promise<void> {
  const timer = new AbortController()
  const { signal } = timer
  await Promise.race([done, delay(lastPageMs, undefined, { signal }).catch(() => {})])
  timer.abort()
}

function readUri(uri: string): {
  readonly host: string
  readonly port: number
  readonly path: string
} {
  const [whole, host, port = '0', path = ''] =
    /^http:\/\/(127\.0\.0\.1|localhost)(?::(\d{1,5}))?(\/[\w./~-]*)?$/.exec(uri) ?? []
  if (whole !== undefined && host !== undefined && Number(port) <= 65_535) {
    return { host, port: Number(port), path }
  }
  throw new CredentialProblem(
    'configuration',
    `${printable(uri)} is no address that a browser can come back to here`,
    {
      hint: 'redirect_uri is to be http://127.0.0.1 or http://localhost, perhaps with a port and a path.',
    },
  )
}

function portOf(server: Server): number {
  // Of a server that listens on TCP.
  return (server.address() as AddressInfo).port
}

/** Undefined for what no browser sends that was sent here: another name would be that of a page (DNS rebinding). */
function urlOf(
  { method, url = '', headers: sent }: IncomingMessage,
  host: string,
): URL | undefined {
  if (method !== 'GET' || sent.host !== host) return undefined
  const whole = `http://${host}${url}`
  return url.startsWith('/') && URL.canParse(whole) ? new URL(whole) : undefined
}

function isAnswer(query: URLSearchParams, expected: string | undefined): boolean {
  const states = query.getAll('state')
  if (expected === undefined || states.length !== 1) return false
  if (!query.has('code') && !query.has('error')) return false
  const [one, other] = [Buffer.from(states[0] ?? ''), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}

const lastText = 'You can close this page. What came of the sign-in is shown where you began it.'

const headers = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  connection: 'close',
} as const

function page(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { ...headers, 'content-type': 'text/html; charset=utf-8' }).end(
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>Portcullis</title>
<meta name="viewport" content="width=device-width">
<style>body { font: 1.1rem system-ui, sans-serif; max-width: 30rem; margin: 15vh auto; padding: 0 1rem }</style>
<main><h1>Portcullis</h1><p>${text}</p></main></html>
`,
  )
}
