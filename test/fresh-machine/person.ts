// alice, with a browser: on the machine itself, or on her telephone.
import { Browser, leadsTo, type Page } from '../../demo/browser.ts'

const deadlineMs = 10_000
const me = 'alice'

/** Signs in at the provider, and comes back to where the provider sends her. Returns what she is told there. */
export async function signIn(address: string, authority: string): Promise<string> {
  const browser = new Browser(new URL(address).origin, authority)
  let page = await browser.open(address)
  if (isChooser(page)) page = await browser.open(page.url, { user: me })
  const target = leadsTo(page)
  if (target === undefined) throw new Error(`alice is not sent back: ${textOf(page.body)}`)
  const answer = await fetch(target, { signal: AbortSignal.timeout(deadlineMs) })
  return textOf(await answer.text())
}

/** Enters the code on another device. */
export async function approve(address: string, code: string, authority: string): Promise<string> {
  const browser = new Browser(new URL(address).origin, authority)
  const form = hiddenInputs((await browser.open(new URL(address).pathname)).body)
  const question = await browser.open('/device', { ...form, user_code: code })
  let page = await browser.open('/device', hiddenInputs(question.body))
  if (isChooser(page)) page = await browser.open(page.url, { user: me })
  return textOf(page.body)
}

function isChooser({ body }: Page): boolean {
  return body.includes('name="user"')
}

function hiddenInputs(html: string): Record<string, string> {
  const inputs = html.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g)
  return Object.fromEntries([...inputs].map(([, name = '', value = '']) => [name, value]))
}

/** As somebody reads it. */
function textOf(html: string): string {
  const body = html.replaceAll(/<(style|script|title)[^]*?<\/\1>/g, '')
  return body
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
