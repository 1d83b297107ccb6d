// Who somebody is here, where they may connect, and what to copy for that.
import { html } from 'hono/html'
import type { ConsoleRight } from '../../policy/catalog.ts'
import { printable } from '../../refusal.ts'
import { button, copyButton, formToken, postButton } from '../layout/buttons.ts'
import { definitions } from '../layout/definitions.ts'
import { checkbox, textField } from '../layout/fields.ts'
import type { Html } from '../layout/html.ts'
import { layout } from '../layout/layout.ts'
import { emptyState, notice } from '../layout/states.ts'
import { table } from '../layout/table.ts'
import { remaining, time } from '../layout/times.ts'
import type { Visitor } from '../visitor.ts'
import type { DatabaseEndpoint } from '../web-rules.ts'
import { consoleDatabase, keyOf, type OpenPlace } from './open-places.ts'
import { dbeaverFields, type Snippet, snippetsFor } from './snippets/snippets.ts'
import type { Target } from './snippets/target.ts'

export const connectPath = '/connect'
export const tokenPath = '/connect/token'

/** Stands where a password is to be put, where we have none to give. */
const placeholder = 'TOKEN'

export interface ConnectPage {
  readonly visitor: Visitor
  /** As the policy calls those that somebody is in. */
  readonly groups: readonly string[]
  readonly places: readonly OpenPlace[]
  readonly hasTokens: boolean
  /** What was wrong with what was asked for. */
  readonly problem?: string
}

export function connectPage({ visitor, groups, places, hasTokens, problem }: ConnectPage): Html {
  return layout(
    { title: 'Connect', visitor, place: 'connect' },
    html`${problem === undefined ? '' : notice('bad', problem)}${whoYouAre(visitor, groups)}
      <h2>Your databases</h2>
      ${
        places.length === 0
          ? emptyState(
              'No database is open to you.',
              'You are signed in, but no role is open to your groups. Ask your administrator for one.',
            )
          : places.map((place): Html => openPlace(place, visitor, hasTokens))
      }`,
  )
}

function whoYouAre({ name, session }: Visitor, groups: readonly string[]): Html {
  const { identity, expiresAt } = session
  return definitions([
    ['You are', printable(name)],
    ['By integration', printable(identity.integration)],
    ['Groups', groups.length === 0 ? 'none' : groups.map((one) => printable(one)).join(', ')],
    ['Signed in until', time(expiresAt)],
  ])
}

function openPlace({ endpoint, access }: OpenPlace, visitor: Visitor, hasTokens: boolean): Html {
  const { host, port, pool } = endpoint
  const address = `${printable(host)}:${port}`
  const rows = access.databases.map((open, index) => ({ ...open, index }))
  const id = `${keyOf(endpoint)} `.replaceAll(/[^\w-]/g, '-')
  return html`<section>
    <h3>${address}, pool ${printable(pool)}</h3>
    ${
      rows.length === 0
        ? ''
        : table(
            {
              caption: `Databases at ${address} by pool ${printable(pool)}`,
              columns: [
                { label: 'Database', cell: ({ database }) => printable(database) },
                {
                  label: 'Role',
                  cell: ({ database, roles, rules, index }): Html => {
                    const form = {
                      id: `${id}${index}`,
                      place: keyOf(endpoint),
                      database,
                      hasTokens,
                    }
                    return roleForm(visitor, form, roles, rules)
                  },
                },
              ],
            },
            rows,
          )
    }
    ${access.isCut ? html`<p class="quiet">There is more than is listed here.</p>` : ''}
    ${access.console === undefined ? '' : consoleForm(visitor, endpoint, access.console, hasTokens)}
  </section>`
}

interface RoleForm {
  readonly id: string
  readonly place: string
  readonly database: string
  readonly hasTokens: boolean
}

/** What only a rule opens has no name to choose it by. */
function roleForm(
  visitor: Visitor,
  { id, place, database, hasTokens }: RoleForm,
  roles: readonly string[],
  rules: readonly string[],
): Html {
  const choice = html`<select id="${id}" name="role">
    ${roles.map((role): Html => html`<option value="${role}">${printable(role)}</option>`)}
  </select>`
  const text = html`<input
    id="${id}"
    name="role"
    type="text"
    maxlength="63"
    autocomplete="off"
    required
  />`
  return html`<form method="post" action="${tokenPath}" class="fields">
      ${formToken(visitor)}
      <input type="hidden" name="place" value="${place}" />
      <input type="hidden" name="database" value="${database}" />
      <label for="${id}" class="hidden-text">Role in ${printable(database)}</label>
      ${roles.length === 0 ? text : choice}
      ${button(hasTokens ? 'Connect' : 'How to connect', {
        kind: 'main',
        description: `Connect to ${printable(database)}`,
      })}
    </form>
    ${
      rules.length === 0
        ? ''
        : html`<p class="quiet">Also open: ${rules.map((one) => printable(one)).join(', ')}</p>`
    }`
}

/** The console takes any user. */
function consoleForm(
  visitor: Visitor,
  endpoint: DatabaseEndpoint,
  right: ConsoleRight,
  hasTokens: boolean,
): Html {
  const may = right === 'admin' ? 'change everything' : 'look at everything'
  const fields = {
    place: keyOf(endpoint),
    database: consoleDatabase,
    role: visitor.session.identity.names[0] ?? 'me',
  }
  const label = hasTokens ? 'Connect to the SQL console' : 'How to connect to the SQL console'
  return html`<p>${postButton(visitor, tokenPath, label, fields)} where you may ${may}.</p>`
}

export interface TokenPage {
  readonly visitor: Visitor
  readonly pool: string
  readonly place: string
  readonly target: Target
  readonly isBoundToDatabase: boolean
  readonly isBoundToUser: boolean
  /** Undefined where no session token is of use: then the password of the target is none. */
  readonly expiresAt: number | undefined
  /** Whether the database wants a token of the identity provider itself. */
  readonly wantsProviderToken: boolean
  readonly now: number
}

/** A target for which there is no token of ours. */
export function withoutToken(target: Omit<Target, 'password'>): Target {
  return { ...target, password: placeholder }
}

export function tokenPage(page: TokenPage): Html {
  const { visitor, target, pool, expiresAt, now } = page
  const { host, port, database, user } = target
  return layout(
    { title: `Connect to ${printable(database)}`, visitor, place: 'connect' },
    html`${definitions([
        ['Database', printable(database)],
        ['Role', printable(user)],
        ['Address', `${printable(host)}:${port}, pool ${printable(pool)}`],
      ])}
      ${expiresAt === undefined ? howWithout(page) : token(page, expiresAt - now)}
      <h2>Copy for your client</h2>
      ${snippetsFor(target).map((snippet): Html => way(snippet, target.password))}
      ${dbeaver(target)}${authorityHint(target)} ${otherSettings(page)}
      <p><a href="${connectPath}">Other databases</a></p>`,
  )
}

function token({ target, isBoundToDatabase, isBoundToUser }: TokenPage, leftMs: number): Html {
  const bound = [
    ...(isBoundToDatabase ? [`for database ${printable(target.database)}`] : []),
    ...(isBoundToUser ? [`as ${printable(target.user)}`] : []),
  ]
  const where = bound.length === 0 ? 'wherever you may connect' : `${bound.join(' and ')} alone`
  return html`<div data-ends>
    <h2>Your session token</h2>
    <p>
      It is a password, good ${where}, for another
      <strong>${remaining(leftMs, 'no time: it is over')}</strong>. Sessions that it opened may go
      on.
    </p>
    <p class="choice">
      <input type="checkbox" id="reveal" class="reveal" autocomplete="off" />
      <label for="reveal">Show the token, here and below</label>
    </p>
    <pre
      class="snippet"
    ><code id="token"><span class="secret">${target.password}</span></code></pre>
    <p>${copyButton('token', 'Copy the token')}</p>
  </div>`
}

function howWithout({ wantsProviderToken }: TokenPage): Html {
  const why = wantsProviderToken
    ? 'This database wants a token of your identity provider itself, and takes no session token.'
    : 'There are no session tokens here, since they are switched off.'
  return notice(
    'warn',
    html`${why} Put a token of your identity provider where <code>${placeholder}</code> stands. With
      the user <code>sso</code> and no password, psql tells you where to sign in, if the pool has
      that.`,
  )
}

/** The first is open: it is what most want. */
function way({ id, title, hint, text }: Snippet, password: string): Html {
  const target = `way-${id}`
  const body =
    text === undefined
      ? html`<p>The names cannot be written in this format.</p>`
      : html`<pre class="snippet"><code id="${target}">${masked(text, password)}</code></pre>
          <p>${copyButton(target, 'Copy', `Copy for ${title}`)}</p>`
  return html`<details ${id === 'psql' ? 'open' : ''}>
    <summary>${title}</summary>
    <p class="quiet">${hint}</p>
    ${body}
  </details>`
}

/** A token has no character that any of the languages writes otherwise. */
function masked(text: string, password: string): readonly (string | Html)[] {
  if (password === placeholder) return [text]
  return text
    .split(password)
    .flatMap((part, index): readonly (string | Html)[] =>
      index === 0 ? [part] : [html`<span class="secret">${password}</span>`, part],
    )
}

function dbeaver(target: Target): Html {
  return html`<details>
    <summary>DBeaver</summary>
    <p class="quiet">
      A connection for PostgreSQL. The password is the token, and is not to be saved: it is good for
      a while only.
    </p>
    ${definitions(dbeaverFields(target).map(([name, value]) => [name, printable(value, 1_000)]))}
  </details>`
}

function authorityHint({ authority }: Target): Html {
  if (authority !== undefined) return html``
  return html`<p class="quiet">
    The certificate of the server is verified by the authorities that your system trusts, which
    libpq does from version 16 on. If it is of an authority of your own, name its file below.
  </p>`
}

function otherSettings(page: TokenPage): Html {
  const { visitor, place, target, isBoundToDatabase, isBoundToUser, expiresAt } = page
  return html`<details>
    <summary>Other settings</summary>
    <form method="post" action="${tokenPath}">
      ${formToken(visitor)}
      <input type="hidden" name="place" value="${place}" />
      <input type="hidden" name="database" value="${target.database}" />
      <input type="hidden" name="role" value="${target.user}" />
      <input type="hidden" name="settings" value="yes" />
      ${
        expiresAt === undefined
          ? ''
          : html`${checkbox({
              name: 'bind_database',
              label: 'Good for this database alone',
              isChecked: isBoundToDatabase,
            })}
            ${checkbox({
              name: 'bind_user',
              label: 'Good for this role alone',
              isChecked: isBoundToUser,
            })}`
      }
      ${textField({
        name: 'authority',
        label: 'File of the certificate authority, where the client runs',
        value: target.authority ?? '',
        hint: 'Empty: an authority that the system trusts.',
        maxLength: 500,
      })}
      ${button(expiresAt === undefined ? 'Show' : 'Make another token', { kind: 'main' })}
    </form>
  </details>`
}
