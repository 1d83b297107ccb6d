// Asks the `http` listener of a service how it is. Small: container engines run it every few seconds.
import type { IncomingMessage, RequestOptions } from 'node:http'
import { readPlaces } from '../config/read-places.ts'
import { printable } from '../refusal.ts'
import { WrongUsage } from './wrong-usage.ts'

export type Health =
  | { readonly is: 'well'; readonly remarks: readonly string[] }
  | { readonly is: 'unwell'; readonly reasons: readonly string[] }
  /** Nobody answers as a Portcullis does. */
  | { readonly is: 'unknown'; readonly reasons: readonly string[] }

export interface HealthPlace {
  readonly config?: string | undefined
  readonly url?: string | undefined
}

const maxAnswerBytes = 65_536
const maxReasons = 20

/** Where to ask: throws WrongUsage or ConfigError. */
export function healthBase({ config, url }: HealthPlace): URL {
  if (url !== undefined) return parseBase(url)
  if (config === undefined) throw new WrongUsage('--config or --url is required')
  const { httpAddress, httpPort } = readPlaces(config)
  if (httpPort === 0) {
    throw new WrongUsage(`${config} has any free port for http: say by --url which it is`)
  }
  return new URL(`http://${reachable(httpAddress)}:${httpPort}`)
}

export async function askHealth(
  base: URL,
  question: 'readiness' | 'liveness',
  timeoutMs: number,
): Promise<Health> {
  try {
    const { status, body } = await get(new URL(`/${question}`, base), timeoutMs)
    const said = readAnswer(body)
    if (status === 200 && said.status === 'ok') return { is: 'well', remarks: said.remarks }
    if (status === 503 && said.status === 'unavailable') {
      return { is: 'unwell', reasons: said.reasons }
    }
    return unknown(base, `what answers is no Portcullis: it says ${status}`)
  } catch (error) {
    return unknown(base, error instanceof Error ? error.message : 'failed')
  }
}

function unknown(base: URL, reason: string): Health {
  return { is: 'unknown', reasons: [`${base.host}: ${printable(reason)}`] }
}

function parseBase(url: string): URL {
  const base = URL.canParse(url) ? new URL(url) : undefined
  if (base?.protocol !== 'http:' && base?.protocol !== 'https:') {
    throw new WrongUsage('--url must be a URL such as http://127.0.0.1:8432')
  }
  if (base.username !== '' || base.password !== '') {
    throw new WrongUsage('--url may have no user and no password: arguments are seen by others')
  }
  return base
}

/** Whoever listens on every address is asked on this machine. */
function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  if (address === '::') return '[::1]'
  return address.includes(':') ? `[${address}]` : address
}

async function get(
  url: URL,
  timeoutMs: number,
): Promise<{ readonly status: number; readonly body: string }> {
  const { request } =
    url.protocol === 'https:' ? await import('node:https') : await import('node:http')
  const options: RequestOptions = {
    agent: false,
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(timeoutMs),
  }
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const isLate = error.code === 'ABORT_ERR'
      const { code = error.message } = error
      reject(new Error(isLate ? `no answer within ${timeoutMs} ms` : code, { cause: error }))
    }
    request(url, options, (response) => {
      response.once('error', fail)
      collect(response, (body) => {
        resolve({ status: response.statusCode ?? 0, body })
      })
    })
      .once('error', fail)
      .end()
  })
}

function collect(response: IncomingMessage, done: (body: string) => void): void {
  let body = ''
  response.setEncoding('utf8')
  response.on('data', (text: string) => {
    body += text
    if (body.length > maxAnswerBytes) response.destroy(new Error('the answer is too long'))
  })
  response.once('end', () => {
    done(body)
  })
}

function readAnswer(body: string): {
  readonly status: unknown
  readonly reasons: readonly string[]
  readonly remarks: readonly string[]
} {
  const content = parsed(body)
  const { status, reasons, remarks } =
    typeof content === 'object' && content !== null ? (content as Record<string, unknown>) : {}
  return { status, reasons: texts(reasons), remarks: texts(remarks) }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** They come from whoever listens there, and are shown on a terminal. */
function texts(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return []
  return value
    .filter((one) => typeof one === 'string')
    .slice(0, maxReasons)
    .map((one) => printable(one))
}
