// Somebody in front of the pages of a provider.
import type { WebBrowser } from '../../support/web-browser.ts'

export interface Person {
  readonly name: string
  readonly password: string
}

/** What a provider has on its pages. */
export interface ProviderPages {
  /** The fields of the form in which somebody signs in. */
  readonly name: string
  readonly password: string
  readonly signIn: string
  /** The button by which somebody agrees; it may never be shown. */
  readonly agree: string
}

const mostQuestions = 4

/** Answers whatever the provider asks, until it sends the browser back or has nothing more to ask. */
export async function answerProvider(
  me: WebBrowser,
  pages: ProviderPages,
  who: Person,
  until: (url: URL) => boolean = () => false,
): Promise<void> {
  for (let question = 0; question < mostQuestions; question++) {
    if (me.leadsTo !== undefined) return
    const { body } = me.page
    const filled = { [pages.name]: who.name, [pages.password]: who.password }
    if (body.includes(`name="${pages.password}"`)) await me.press(pages.signIn, until, filled)
    else if (hasButton(body, pages.agree)) await me.press(pages.agree, until)
    else return
  }
  throw new Error(`more than ${mostQuestions} questions: ${me.text}`)
}

function hasButton(body: string, label: string): boolean {
  const buttons = [...body.matchAll(/<button[^>]*>(.*?)<\/button>/gs)]
  return buttons.some(([, text = '']) => text.replaceAll(/<[^>]*>/g, '').trim() === label)
}
