// The port of this machine that the browser comes back to. Everybody on it can reach it, and so can every page that
// the browser shows: only what has the state of this sign-in is an answer to it, and only once.
import { timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

export interface Loopback extends AsyncDisposable {
  readonly redirectUri: string
  /** The query of the one answer that has this state. */
  answerTo(state: string): Promise<string>
}

const callbackPath = '/callback'
const lastPath = '/done'
const address = '127.0.0.1'
const requestMs = 10_000
const mostConnections = 50
/** For the browser to follow to the last page, where it does. */
const lastPageMs = 1_000

export async function openLoopback(): Promise<Loopback> {
  const arrival = Promise.withResolvers<string>()
  const lastPage = Promise.withResolvers<undefined>()
  let expected: string | undefined
  let isAnswered = false
  const server = createServer(
    { requestTimeout: requestMs, headersTimeout: requestMs, connectionsCheckingInterval: 1_000 },
    (request, response) => {
      request.resume()
      const url = urlOf(request, server)
      if (url === undefined) {
        page(response, 400, 'This request is for somebody else.')
      } else if (url.pathname === lastPath && url.search === '') {
        page(response, 200, lastText)
        if (isAnswered)
          response.once('close', () => {
            lastPage.resolve(undefined)
          })
      } else if (url.pathname !== callbackPath) {
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
  server.listen(0, address)
  await once(server, 'listening')
  return {
    redirectUri: `http://${hostOf(server)}${callbackPath}`,
    answerTo: async (state) => {
      expected = state
      return arrival.promise
    },
    [Symbol.asyncDispose]: async () => {
      if (isAnswered) await Promise.race([lastPage.promise, delay(lastPageMs)])
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function hostOf(server: Server): string {
  return `${address}:${(server.address() as AddressInfo).port}`
}

/** Undefined for what no browser sends that was sent here: another name would be that of a page (DNS rebinding). */
function urlOf(
  { method, url = '', headers: sent }: IncomingMessage,
  server: Server,
): URL | undefined {
  if (method !== 'GET' || !server.listening || sent.host !== hostOf(server)) return undefined
  const whole = `http://${hostOf(server)}${url}`
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
<style>body { font: 1.1rem system-ui, sans-serif; max-width: 30rem; margin: 15vh auto; padding: 0 1rem }</style>
<p>${text}</p></html>
`,
  )
}
