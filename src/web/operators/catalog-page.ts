// The catalog: what is in use, what it was before, what changed, and how it goes back.
import type { Context } from 'hono'
import { html } from 'hono/html'
import type { CatalogVersion } from '../../admin/catalog-home.ts'
import { button, formToken } from '../layout/buttons.ts'
import { definitions } from '../layout/definitions.ts'
import type { Content, Html } from '../layout/html.ts'
import { layout } from '../layout/layout.ts'
import { live } from '../layout/live.ts'
import { errorState, notice } from '../layout/states.ts'
import { table, tableBody, type Table } from '../layout/table.ts'
import type { WebEnv } from '../visitor.ts'
import { type Desk, mostRows, type Operator } from './desk.ts'
import { diffLines, withContext } from './diff-lines.ts'
import type { Topic } from './event-hub.ts'
import { giveOrder } from './give-order.ts'
import { address, counted, link, moment, number, shown } from './shown.ts'

/** Lines around a change. */
const context = 3
/** Of a difference, so that a page stays one. */
const mostLines = 1_000

type Shown = ReturnType<typeof withContext>[number]

export async function catalogPage(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
): Promise<Response> {
  const history = await desk.services.catalog.history()
  const body = live(
    '/events?topics=catalog',
    html`${state(desk)}
    ${table(historyTable(desk, operator.right === 'admin'), history.slice(0, mostRows))}`,
  )
  return c.html(layout({ title: 'Catalog', visitor: operator, place: 'catalog' }, body))
}

export function catalogTopic(desk: Desk, isAdmin: boolean): Topic {
  const { catalog } = desk.services
  return {
    key: `catalog ${isAdmin}`,
    refreshMs: 30_000,
    mark: async () => {
      const { version, problems, mode } = catalog.state
      return Promise.resolve(JSON.stringify([version, problems, mode]))
    },
    render: async () => {
      const history = (await catalog.history()).slice(0, mostRows)
      const body = tableBody(historyTable(desk, isAdmin), history)
      return new Map([
        ['catalog-state', (await state(desk)).toString()],
        ['catalog-rows', (await body).toString()],
      ])
    },
  }
}

function state({ services }: Desk): Html {
  const { version, at, author, file, mode, problems } = services.catalog.state
  const wrong = problems.map((one): Html => notice('bad', shown(one)))
  return html`<div id="catalog-state">
    ${wrong}
    ${definitions([
      ['Version', String(version)],
      ['Since', moment(at)],
      ['By', shown(author)],
      ['File', shown(file)],
      [
        'Changes',
        mode === 'read-write' ? 'here, at the console and in the file' : 'in the file alone',
      ],
    ])}
  </div>`
}

function historyTable({ services }: Desk, isAdmin: boolean): Table<CatalogVersion> {
  const { version: current, mode } = services.catalog.state
  const mayGoBack = isAdmin && mode === 'read-write'
  const goBack = ({ version }: CatalogVersion): Html | string =>
    version === current
      ? ''
      : link(`/catalog/rollback?version=${version}`, 'Go back', `Go back to version ${version}`)
  return {
    caption: 'Versions, the latest first',
    id: 'catalog-rows',
    key: ({ version }) => String(version),
    columns: [
      {
        label: 'Version',
        cell: ({ version }) => `${version}${version === current ? ' (in use)' : ''}`,
      },
      { label: 'When', cell: ({ at }): Content => moment(at) },
      { label: 'Who', cell: ({ author }) => shown(author) },
      { label: 'How', cell: ({ by }) => by },
      { label: 'What', cell: ({ what }) => shown(what) },
      {
        label: 'Changes',
        cell: ({ version }): Content =>
          version === 1
            ? ''
            : link(
                address('/catalog/changes', { from: version - 1, to: version }),
                'Show',
                `Show what changed in version ${version}`,
              ),
      },
      ...(mayGoBack ? [{ label: 'Go back', cell: goBack }] : []),
    ],
  }
}

export async function changesPage(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
): Promise<Response> {
  const [from, to] = [versionIn(c.req.query('from')), versionIn(c.req.query('to'))]
  const history = await desk.services.catalog.history()
  const choose = html`<form method="get" action="/catalog/changes" aria-label="Which versions">
    <div class="fields">
      ${versionField('from', 'From version', from, history)}
      ${versionField('to', 'To version', to, history)}
    </div>
    ${button('Compare')}
  </form>`
  const difference = await differenceOf(desk, from, to)
  const body = html`${choose} ${difference}
    <p><a href="/catalog">To the catalog</a></p>`
  const title = `From version ${from} to ${to}`
  return c.html(layout({ title, visitor: operator, place: 'catalog' }, body))
}

function versionField(
  name: string,
  label: string,
  chosen: number,
  history: readonly CatalogVersion[],
): Html {
  return html`<div class="field">
    <label for="field-${name}">${label}</label>
    <select id="field-${name}" name="${name}">
      ${history
        .slice(0, mostRows)
        .map(
          ({ version }): Html =>
            html`<option value="${version}" ${version === chosen ? 'selected' : ''}>
              ${version}
            </option>`,
        )}
    </select>
  </div>`
}

export async function rollbackPage(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
): Promise<Response> {
  const version = versionIn(c.req.query('version'))
  const { version: current } = desk.services.catalog.state
  const body = html`<p>
      The whole file becomes what it was in version ${version}. That is a new version, which every
      worker takes over; open sessions go on.
    </p>
    ${await differenceOf(desk, current, version)}
    <form method="post" action="/catalog/rollback">
      ${formToken(operator)}
      <input type="hidden" name="version" value="${version}" />
      ${button(`Go back to version ${version}`, { kind: 'danger' })}
    </form>
    <p><a href="/catalog">To the catalog</a></p>`
  const title = `Go back to version ${version}?`
  return c.html(layout({ title, visitor: operator, place: 'catalog' }, body))
}

export async function rollBack(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
  fields: Readonly<Record<string, string>>,
): Promise<Response> {
  const version = versionIn(fields['version'])
  const order = { text: 'ROLLBACK CATALOG TO $1', parameters: [String(version)] }
  return giveOrder(c, desk, operator, order, {
    ...{ place: 'catalog', path: '/catalog', back: 'To the catalog' },
    title: () => `The catalog is as in version ${version}`,
  })
}

export function rollbackPath(fields: Readonly<Record<string, string>>): string {
  return `/catalog/rollback?version=${versionIn(fields['version'])}`
}

/** 0 for what is none: there is no such version. */
function versionIn(text: string | undefined): number {
  return /^[1-9]\d{0,8}$/.test(text ?? '') ? Number(text) : 0
}

async function differenceOf(
  { services: { catalog } }: Desk,
  from: number,
  to: number,
): Promise<Html> {
  const [before, after] = await Promise.all([catalog.textOf(from), catalog.textOf(to)])
  if (before === undefined || after === undefined) {
    const missing = before === undefined ? from : to
    return errorState(
      `Version ${missing} is not there.`,
      'Only the last ones are kept: see catalog.versions in the configuration.',
    )
  }
  const lines = diffLines(before, after)
  const count = (kind: string): number => lines.filter((one) => one.kind === kind).length
  const [added, removed] = [count('added'), count('removed')]
  if (added + removed === 0) {
    return notice(
      'plain',
      'Nothing is different but for secrets and comments, which are not compared.',
    )
  }
  const near = withContext(lines, context)
  const rest =
    near.length > mostLines ? `${number(mostLines)} of ${number(near.length)} lines are shown.` : ''
  return html`<p>
      ${counted(added, 'line was', 'lines were')} added,
      ${counted(removed, 'line was', 'lines were')} removed. Secrets and comments are not compared.
      ${rest}
    </p>
    ${table(diffTable, near.slice(0, mostLines))}`
}

const words = { same: '', added: 'added', removed: 'removed' } as const
const signs = { same: ' ', added: '+', removed: '-' } as const

const diffTable: Table<Shown> = {
  caption: 'What is different',
  columns: [
    { label: 'Change', cell: (line) => (line.kind === 'skipped' ? '' : words[line.kind]) },
    { label: 'Before', cell: (line) => numberOf(line, 'before'), isNumber: true },
    { label: 'After', cell: (line) => numberOf(line, 'after'), isNumber: true },
    {
      label: 'Line',
      cell: (line): Content =>
        line.kind === 'skipped'
          ? html`<span class="quiet">${counted(line.count, 'line is', 'lines are')} the same</span>`
          : html`<code class="line ${line.kind}">${signs[line.kind]}${' '}${line.text}</code>`,
    },
  ],
}

function numberOf(line: Shown, side: 'before' | 'after'): string {
  return line.kind === 'skipped' ? '' : String(line[side] ?? '')
}
