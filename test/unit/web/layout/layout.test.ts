import { html } from 'hono/html'
import { describe, expect, test } from 'vitest'
import { scriptPath, stylePath } from '../../../../src/web/layout/assets.ts'
import { button, copyButton, formToken, postButton } from '../../../../src/web/layout/buttons.ts'
import { definitions } from '../../../../src/web/layout/definitions.ts'
import { checkbox, selectField, textField } from '../../../../src/web/layout/fields.ts'
import { type Html, layout } from '../../../../src/web/layout/layout.ts'
import { live } from '../../../../src/web/layout/live.ts'
import { placesFor } from '../../../../src/web/layout/places.ts'
import { badge, emptyState, errorState, notice } from '../../../../src/web/layout/states.ts'
import { table } from '../../../../src/web/layout/table.ts'
import { duration, remaining, time } from '../../../../src/web/layout/times.ts'
import type { Visitor } from '../../../../src/web/visitor.ts'
import { webSession } from '../../../support/web-services.ts'

const hostile = `<script>alert(1)</script>"'&<img src=x onerror=alert(1)>`
const visitor: Visitor = {
  session: webSession(),
  name: 'alice@example.com',
  right: undefined,
  formToken: 'the form token',
}

async function textOf(part: Html): Promise<string> {
  return (await part).toString()
}

describe('the frame of a page', () => {
  test('has neither style nor script in it, and nothing from elsewhere', async () => {
    const page = await textOf(layout({ title: 'Pools', visitor, place: 'pools' }, html`<p>x</p>`))
    expect(page).toContain(`<link rel="stylesheet" href="${stylePath}"`)
    expect(page).toContain(`<script type="module" src="${scriptPath}"></script>`)
    expect(page).not.toMatch(/<style|\sstyle=|\son\w+=|<script>|javascript:|https?:/i)
  })

  test('says who is signed in, and signs out by a form with its token', async () => {
    const page = await textOf(layout({ title: 'Connect', visitor }, html``))
    expect(page).toContain('alice@example.com')
    expect(page).toMatch(
      /<form method="post" action="\/logout">\s*<input type="hidden" name="csrf"/,
    )
    expect(page).toContain('value="the form token"')
  })

  test('has no navigation for whoever is not signed in', async () => {
    const page = await textOf(layout({ title: 'Sign in', visitor: undefined }, html``))
    expect(page).not.toMatch(/<nav|\/logout|csrf/)
  })

  test('marks where one is', async () => {
    const page = await textOf(layout({ title: 'Device', visitor, place: 'device' }, html``))
    expect(page.match(/aria-current="page"/g)).toHaveLength(1)
    expect(page).toContain('<a href="/device" aria-current="page">Device</a>')
  })

  test('has neither a script nor ways to others where it is to be alone', async () => {
    const page = await textOf(layout({ title: 'x', visitor: undefined, isAlone: true }, html``))
    expect(page).not.toMatch(/<script|href="\/"/)
  })

  test('shows hostile names as text', async () => {
    const name = `${hostile}\u202e`
    const page = await textOf(layout({ title: name, visitor: { ...visitor, name } }, html``))
    expect(page).not.toMatch(/<script>|<img/)
    expect(page.split('<header')[1]).not.toContain('\u202e</span>')
  })
})

test('operators see more of the navigation, and whoever may do everything sees all', () => {
  const seen = (right: Visitor['right']): readonly string[] =>
    placesFor(right).map(({ place }) => place)
  expect(seen(undefined)).toEqual(['connect', 'device'])
  expect(seen('stats')).toContain('sessions')
  expect(seen('admin')).toEqual(expect.arrayContaining([...seen('stats')]))
})

describe('every part shows hostile values as text', () => {
  test.each<[string, Html]>([
    ['a button', button(hostile, { name: hostile, value: hostile, description: hostile })],
    ['the token of a form', formToken({ formToken: hostile })],
    ['a form of one button', postButton(visitor, hostile, hostile, { [hostile]: hostile })],
    ['a button that copies', copyButton(hostile, hostile, hostile)],
    ['definitions', definitions([[hostile, hostile]])],
    [
      'a field',
      textField({ name: hostile, label: hostile, value: hostile, hint: hostile, problem: hostile }),
    ],
    [
      'a choice',
      selectField({
        name: hostile,
        label: hostile,
        options: [{ value: hostile, label: hostile }],
        chosen: hostile,
      }),
    ],
    ['a box to tick', checkbox({ name: hostile, label: hostile, isChecked: true })],
    ['a notice', notice('bad', hostile)],
    ['what is empty', emptyState(hostile, hostile)],
    ['what failed', errorState(hostile, hostile)],
    ['a badge', badge(hostile)],
    [
      'a table',
      table<string>(
        {
          caption: hostile,
          columns: [{ label: hostile, cell: (one) => one }],
          key: (one) => one,
          id: hostile,
        },
        [hostile],
      ),
    ],
    ['what is live', live(hostile, html`<p>${hostile}</p>`)],
    ['what is left', remaining(0, hostile)],
  ])('%s', async (_, part) => {
    const text = await textOf(part)
    expect(text).not.toMatch(/<script|<img/)
    expect(text).toContain('&lt;script&gt;')
    // What is left when values and what they stand in are taken out are names of attributes.
    expect(text.replaceAll(/"[^"]*"/g, '').replaceAll(/>[^<]*</g, '><')).not.toMatch(/onerror/)
  })
})

describe('times', () => {
  test('are in UTC until the script shows them in the reader’s zone', async () => {
    expect(await textOf(time(Date.UTC(2026, 10, 22, 16, 5, 9)))).toBe(
      '<time datetime="2026-11-22T16:05:09.000Z">2026-11-22 16:05:09 UTC</time>',
    )
  })

  test.each([
    [-1, '0 seconds'],
    [1_000, '1 second'],
    [119_000, '119 seconds'],
    [120_000, '2 minutes'],
    [3_600_000, '60 minutes'],
    [7_200_000, '2 hours 0 minutes'],
    [9_060_000, '2 hours 31 minutes'],
    [172_800_000, '2 days'],
  ])('%d ms are read as %s', (ms, text) => {
    expect(duration(ms)).toBe(text)
  })

  test('what is left is counted down by the script, from what the server says', async () => {
    expect(await textOf(remaining(59_400.4))).toContain('data-remaining-ms="59400"')
    expect(await textOf(remaining(-5, 'expired'))).toMatch(/data-remaining-ms="0".*>expired</s)
  })
})

test('what is wrong with a field is tied to it', async () => {
  const field = await textOf(
    textField({ name: 'code', label: 'Code', hint: 'As shown.', problem: 'No such code.' }),
  )
  expect(field).toContain('aria-describedby="field-code-hint field-code-problem"')
  expect(field).toContain('aria-invalid="true"')
  expect(field).toContain('<label for="field-code">Code</label>')
})

test('the first cell of a row names it', async () => {
  interface Pool {
    readonly name: string
    readonly sessions: number
  }
  const columns = [
    { label: 'Pool', cell: ({ name }: Pool) => name },
    { label: 'Sessions', cell: ({ sessions }: Pool) => sessions, isNumber: true },
  ]
  const text = await textOf(table({ caption: 'Pools', columns }, [{ name: 'sso', sessions: 3 }]))
  expect(text).toContain('<th scope="row">sso</th>')
  expect(text).toContain('<td class="number">3</td>')
})
