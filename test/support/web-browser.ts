import { type Page, send } from '../../demo/browser.ts'

const mostSteps = 20

/** A browser for several sites: cookies by host, redirects, refreshes, and what it says of where a form is from. */
export class WebBrowser {
  readonly #authority: string
  readonly #cookies = new Map<string, string>()
  #page: Page | undefined

  constructor(authority: string) {
    this.#authority = authority
  }

  get page(): Page {
    if (this.#page === undefined) throw new Error('no page was opened')
    return this.#page
  }

  get status(): number {
    return this.page.status
  }

  /** The cookies for a site, by name. */
  cookies(hostname: string): ReadonlyMap<string, string> {
    const own = [...this.#cookies].filter(([key]) => key.startsWith(`${hostname} `))
    return new Map(own.map(([key, value]) => [key.split(' ')[2] ?? '', value]))
  }

  /** As somebody does who has got hold of it. */
  setCookie(hostname: string, name: string, value: string): void {
    this.#cookies.set(`${hostname} / ${name}`, value)
  }

  /** What is on the page, without markup. */
  get text(): string {
    const [, body = ''] = this.page.body.split('<body')
    return unescaped(body.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' '))
  }

  /** Goes there and wherever it leads, but not on from an address that `until` is true of. */
  async open(url: string | URL, until: (url: URL) => boolean = () => false): Promise<void> {
    await this.#go(new URL(url), undefined, until)
  }

  /** Presses the button with this text, with fields of its form filled in. */
  async press(
    label: string,
    until: (url: URL) => boolean = () => false,
    filled: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const { url, body } = this.page
    for (const [, attributes = '', content = ''] of body.matchAll(/<form([^>]*)>(.*?)<\/form>/gs)) {
      const button = [...content.matchAll(/<button([^>]*)>(.*?)<\/button>/gs)].find(
        ([, , text = '']) => text.trim() === label,
      )
      if (button === undefined) continue
      const inputs = [...content.matchAll(/<input([^>]*)>/g)]
        .map(([, one = '']) => one)
        .filter((one) => attribute(one, 'type') !== 'checkbox' || /\bchecked\b/.test(one))
      const selects = [...content.matchAll(/<select([^>]*)>.*?<option([^>]*)>/gs)].map(
        ([, one = '', first = '']) => [attribute(one, 'name'), attribute(first, 'value')],
      )
      const fields = [...inputs, button[1] ?? ''].map((one) => [
        attribute(one, 'name'),
        attribute(one, 'value'),
      ])
      const named = [...fields, ...selects].filter(([name]) => name !== undefined)
      const form = { ...(Object.fromEntries(named) as Record<string, string>), ...filled }
      await this.#go(new URL(attribute(attributes, 'action') ?? '', url), form, until)
      return
    }
    throw new Error(`no button ${label} on ${url.href}: ${this.text}`)
  }

  /** Where the page would lead by itself. */
  get leadsTo(): URL | undefined {
    const { url, headers, body } = this.page
    if (headers.location !== undefined) return new URL(headers.location, url)
    const [, header] = /^0;url=(.*)$/.exec(String(headers['refresh'] ?? '')) ?? []
    if (header !== undefined) return new URL(header, url)
    const [, refresh] = /<meta http-equiv="refresh" content="0;url=([^"]*)"/.exec(body) ?? []
    return refresh === undefined ? undefined : new URL(unescaped(refresh), url)
  }

  async #go(
    url: URL,
    form: Readonly<Record<string, string>> | undefined,
    until: (url: URL) => boolean,
  ): Promise<void> {
    const from = this.#page?.url.origin
    const site = from === url.origin ? 'same-origin' : 'cross-site'
    const own = form && { origin: from ?? 'null', 'sec-fetch-site': site }
    await this.#fetch(url, form, own)
    for (let step = 0; step < mostSteps; step++) {
      const target = this.leadsTo
      if (target === undefined || until(target)) return
      await this.#fetch(target)
    }
    throw new Error(`more than ${mostSteps} redirects from ${url.href}`)
  }

  async #fetch(
    url: URL,
    form?: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<void> {
    const cookie = this.#cookiesFor(url)
    this.#page = await send(url, { ...headers, cookie }, form, this.#authority)
    for (const line of this.#page.headers['set-cookie'] ?? []) this.#keep(url, line)
  }

  #cookiesFor({ hostname, pathname }: URL): string {
    return [...this.#cookies]
      .map(([key, value]) => [...key.split(' '), value] as const)
      .filter(([host, path = '']) => host === hostname && pathname.startsWith(path))
      .map(([, , name, value]) => `${name}=${value}`)
      .join('; ')
  }

  #keep({ hostname }: URL, line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    const path = /;\s*path=([^;]*)/i.exec(line)?.[1] ?? '/'
    const expires = /;\s*expires=([^;]*)/i.exec(line)?.[1]
    const isGone = /;\s*max-age=0(?:;|$)/i.test(line)
    const key = `${hostname} ${path} ${name}`
    if (isGone || (expires !== undefined && Date.parse(expires) <= Date.now()))
      this.#cookies.delete(key)
    else this.#cookies.set(key, value)
  }
}

function attribute(tag: string, name: string): string | undefined {
  const [, value] = new RegExp(`\\b${name}="([^"]*)"`).exec(tag) ?? []
  return value === undefined ? undefined : unescaped(value)
}

const entities: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
}

function unescaped(text: string): string {
  return text.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, (entity) => entities[entity] ?? entity)
}
