import { html } from 'hono/html'
import type { Content, Html } from './html.ts'

export interface Column<Row> {
  readonly label: string
  readonly cell: (row: Row) => Content
  /** To the right, with digits of one width. */
  readonly isNumber?: boolean
}

export interface Table<Row> {
  /** Says what is in it; also to whoever does not see it. */
  readonly caption: string
  /** The first names its row. */
  readonly columns: readonly Column<Row>[]
  /** Of the body, by which a live event replaces it. */
  readonly id?: string
  /** What stays the same of a row when others come and go: of a live table. */
  readonly key?: (row: Row) => string
}

/**
 * `table({ caption: 'Pools', columns: [{ label: 'Pool', cell: ({ name }) => name }] }, pools)`.
 * It scrolls in itself where it is wider than the page.
 */
export function table<Row>(shape: Table<Row>, rows: readonly Row[]): Html {
  const { caption, columns } = shape
  return html`<div class="wide-table" role="region" aria-label="${caption}" tabindex="0">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map(
            ({ label, isNumber }): Html =>
              html`<th scope="col" class="${classOf(isNumber)}">${label}</th>`,
          )}
        </tr>
      </thead>
      ${tableBody(shape, rows)}
    </table>
  </div>`
}

/** The part of a table that a live event carries. */
export function tableBody<Row>(
  { columns, id, key }: Pick<Table<Row>, 'columns' | 'id' | 'key'>,
  rows: readonly Row[],
): Html {
  const [first, ...others] = columns
  const body = rows.map(
    (row): Html =>
      html`<tr data-key="${key?.(row) ?? ''}">
        <th scope="row">${first?.cell(row) ?? ''}</th>
        ${others.map(
          ({ cell, isNumber }): Html => html`<td class="${classOf(isNumber)}">${cell(row)}</td>`,
        )}
      </tr>`,
  )
  return id === undefined
    ? html`<tbody>
        ${body}
      </tbody>`
    : html`<tbody id="${id}">
        ${body}
      </tbody>`
}

function classOf(isNumber = false): string {
  return isNumber ? 'number' : 'text'
}
