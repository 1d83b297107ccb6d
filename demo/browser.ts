import type { IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'

export interface Page {
  readonly url: URL
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

interface Cookie {
  readonly value: string
  readonly path: string
}

type Form = Readonly<Record<string, string>>

const requestDeadlineMs = 10_000
const mostRedirects = 20

/** As much of a browser as signing in at one provider takes: cookies, forms and redirects. */
export class Browser {
  readonly #origin: URL
  readonly #authority: string | undefined
  readonly #cookies = new Map<string, Cookie>()

  constructor(origin: string, authority?: string) {
    this.#origin = new URL(origin)
    this.#authority = authority
  }

  /** Follows redirects as long as they stay at the provider; the page may be one that leaves it. */
  async open(path: string | URL, form?: Form): Promise<Page> {
    let page = await this.#fetch(new URL(path, this.#origin), form)
    for (let count = 0; count < mostRedirects; count++) {
      const target = leadsTo(page)
      if (target?.origin !== this.#origin.origin) return page
      page = await this.#fetch(target)
    }
    throw new Error(`more than ${mostRedirects} redirects from ${page.url.href}`)
  }

  async #fetch(url: URL, form?: Form): Promise<Page> {
    const page = await send(url, { cookie: this.#cookiesFor(url) }, form, this.#authority)
    for (const line of page.headers['set-cookie'] ?? []) this.#keep(line)
    return page
  }

  #cookiesFor(url: URL): string {
    const fitting = [...this.#cookies].filter(([, { path }]) => url.pathname.startsWith(path))
    return fitting.map(([key, { value }]) => `${key.split(' ')[0] ?? ''}=${value}`).join('; ')
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    const path = /;\s*path=([^;]*)/i.exec(line)?.[1] ?? '/'
    const expires = /;\s*expires=([^;]*)/i.exec(line)?.[1]
    const key = `${name} ${path}`
    if (expires !== undefined && Date.parse(expires) <= Date.now()) this.#cookies.delete(key)
    else this.#cookies.set(key, { value, path })
  }
}

/** Where a redirect goes, also when it leaves the provider. */
export function leadsTo(page: Page): URL | undefined {
  const { location } = page.headers
  return location === undefined ? undefined : new URL(location, page.url)
}

/**
 * One request; a form makes it a POST. The server is trusted by `authority` (PEM), or unseen where it is
 * in this process, and may have been given a certificate that nobody trusts.
 */
export async function send(
  url: URL,
  headers: Readonly<Record<string, string>>,
  form?: Form,
  authority?: string,
): Promise<Page> {
  const body = form && new URLSearchParams(form).toString()
  const signal = AbortSignal.timeout(requestDeadlineMs)
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, {
      method: body === undefined ? 'GET' : 'POST',
      rejectUnauthorized: authority !== undefined,
      ca: authority,
      agent: false,
      signal,
      headers: {
        ...headers,
        host: url.host,
        ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
      },
    })
    request.once('error', reject)
    request.once('response', (response) => {
      const { statusCode = 0, headers: received } = response
      text(response).then((content) => {
        resolve({ url, status: statusCode, headers: received, body: content })
      }, reject)
    })
    request.end(body)
  })
}
