// Where somebody who is signed in lets in a client that shows a code.
import { html } from 'hono/html'
import { printable } from '../../refusal.ts'
import type { Holder, SignInRequest } from '../../session/pending-sign-ins.ts'
import { devicePath } from '../../session/sign-in-paths.ts'
import { postButton } from '../layout/buttons.ts'
import { textField } from '../layout/fields.ts'
import type { Html } from '../layout/html.ts'
import { layout } from '../layout/layout.ts'
import { notice } from '../layout/states.ts'
import { begunElsewhere, whoAsks } from '../sign-in-pages.ts'
import type { Visitor } from '../visitor.ts'
import type { Hindrance } from './approve.ts'
import { hindranceText } from './hindrance-text.ts'

export const approvePath = `${devicePath}/approve`
export const refusePath = `${devicePath}/refuse`

export interface CodePage {
  readonly visitor: Visitor
  readonly given?: string
  readonly problem?: string
}

/** Where a code is entered. */
export function codePage({ visitor, given = '', problem }: CodePage): Html {
  return layout(
    { title: 'Let a client in', visitor, place: 'device', isNarrow: true },
    html`<p>
        Enter the code that your database client shows. You see who asks before anything happens.
      </p>
      <form method="get" action="${devicePath}">
        ${textField({
          name: 'code',
          label: 'Code',
          value: printable(given, 40),
          hint: 'Eight letters, as WDJB-MJHT.',
          isRequired: true,
          maxLength: 40,
          ...(problem !== undefined && { problem }),
        })}
        <button class="main">Look it up</button>
      </form>`,
  )
}

export interface DevicePage {
  readonly visitor: Visitor
  readonly id: string
  readonly request: SignInRequest
  readonly holder: Holder
  /** Why this visitor cannot approve it. */
  readonly hindrance: Hindrance | undefined
  /** Of the browser. */
  readonly address: string
  readonly now: number
}

export function devicePage(page: DevicePage): Html {
  const { visitor, id, holder, hindrance } = page
  const approval = (): Html =>
    hindrance === undefined
      ? postButton(
          visitor,
          approvePath,
          `Approve as ${printable(visitor.name)}`,
          { id },
          {
            kind: 'main wide',
          },
        )
      : notice('warn', hindranceText(hindrance))
  return layout(
    { title: 'A database client asks to be let in', visitor, place: 'device', isNarrow: true },
    html`<p>Approve it only if you started it yourself, a moment ago, and it shows this code:</p>
      ${whoAsks(page)}
      <p class="notice warn">
        Did somebody give you this code or this address? Then they would be signed in to the
        database as you.
      </p>
      ${holder === 'another-browser' ? begunElsewhere : approval()}
      ${postButton(visitor, refusePath, 'Refuse', { id }, { kind: 'wide' })}`,
  )
}

/** What came of it, in the frame of the pages. */
export function deviceMessage(visitor: Visitor, title: string, body: Html): Html {
  return layout(
    { title, visitor, place: 'device', isNarrow: true },
    html`${body}
      <p><a href="${devicePath}">Enter another code</a></p>`,
  )
}
