// Who vouches for people, and whether that works: providers, their keys, and who depends on them.
import type { Context } from 'hono'
import { html } from 'hono/html'
import { isSameIssuer } from '../../identity/issuer-name.ts'
import { keyAges, type KeyCacheState, type PublicKeyName } from '../../identity/key-cache.ts'
import type { Catalog, Integration } from '../../policy/catalog.ts'
import { definitions } from '../layout/definitions.ts'
import type { Content, Html } from '../layout/html.ts'
import { layout } from '../layout/layout.ts'
import { live } from '../layout/live.ts'
import { badge, emptyState } from '../layout/states.ts'
import { table, type Table } from '../layout/table.ts'
import { duration } from '../layout/times.ts'
import type { WebEnv } from '../visitor.ts'
import type { Desk, Operator } from './desk.ts'
import type { Topic } from './event-hub.ts'
import { list, moment, shown, unansweredNotice } from './shown.ts'

/** So that what is only a little older looks the same. */
const roundMs = 10_000

interface Keys {
  /** By worker. */
  readonly states: readonly (readonly KeyCacheState[])[]
  readonly unanswered: number
}

export async function integrationsPage(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
): Promise<Response> {
  const body = live('/events?topics=integrations', await content(desk))
  return c.html(layout({ title: 'Integrations', visitor: operator, place: 'integrations' }, body))
}

export function integrationsTopic(desk: Desk): Topic {
  return {
    key: 'integrations',
    refreshMs: 5_000,
    mark: async () => Promise.resolve(''),
    render: async () => new Map([['integrations', (await content(desk)).toString()]]),
  }
}

async function content(desk: Desk): Promise<Html> {
  const { answers: states, unanswered } = await desk.ask('keys')
  const { catalog } = desk.services.rules()
  const all = [...catalog.integrations.values()]
  const sections = all.map((one): Html => section(one, catalog, { states, unanswered }, desk.now))
  return html`<div id="integrations">
    ${unansweredNotice(unanswered)}
    ${
      all.length === 0
        ? emptyState('There is no integration.', 'CREATE SSO INTEGRATION at the console makes one.')
        : sections
    }
  </div>`
}

function section(one: Integration, catalog: Catalog, keys: Keys, now: number): Html {
  const { name, issuer, isEnabled } = one
  const states = keys.states.flatMap((of) =>
    of.filter((cache) => isSameIssuer(cache.issuer, issuer)),
  )
  const fetched = states.flatMap(({ ageMs }) => (ageMs === undefined ? [] : [ageMs]))
  const oldest = fetched.length === 0 ? undefined : Math.max(...fetched)
  const known = states.find((cache) => cache.keys.length > 0)?.keys ?? []
  return html`<section>
    <h2>${shown(name)}</h2>
    ${definitions([
      ['Enabled', isEnabled ? badge('yes', 'good') : badge('no', 'warn')],
      ['Issuer', shown(issuer)],
      ['Client', shown(one.clientId, 'none')],
      ['Provider', health(states, isEnabled)],
      ['Keys fetched', oldest === undefined ? 'never' : moment(rounded(now - oldest))],
      ['Fetched next', next(oldest, now)],
      ['Last error', failure(states)],
      ['Clock of the provider', clock(states)],
      ['Databases', list(databasesOf(one, catalog), 'none')],
      ['Pools', list(poolsOf(one, catalog), 'none')],
      ['Default group', shown(one.defaultGroup, 'none')],
      ['Groups mapped', String(one.groupMappings.size)],
      ['Groups refused', String(one.blockedGroups.size)],
    ])}
    ${known.length === 0 ? '' : table(keyTable(name), known)}
  </section>`
}

function health(states: readonly KeyCacheState[], isEnabled: boolean): Content {
  if (!isEnabled) return 'not asked'
  const without = states.filter(({ ageMs }) => ageMs === undefined).length
  if (states.length === 0) return badge('not known', 'warn')
  if (without === states.length) return badge('no keys: nobody can log in by it', 'bad')
  if (without > 0) return badge(`${without} of ${states.length} workers have no keys`, 'bad')
  const failed = states.some((one) => one.failure !== undefined)
  return failed ? badge('not reached, earlier keys are used', 'warn') : badge('works', 'good')
}

function next(oldest: number | undefined, now: number): Content {
  if (oldest === undefined) return 'with the next login'
  const left = keyAges.refreshAfterMs - oldest
  return left <= 0
    ? 'with the next login'
    : html`with the first login after ${moment(rounded(now + left))}`
}

function failure(states: readonly KeyCacheState[]): Content {
  const failed = states.find((one) => one.failure !== undefined)
  return shown(failed?.failure, 'none')
}

function clock(states: readonly KeyCacheState[]): Content {
  const ahead = states.flatMap(({ clockAheadMs }) => clockAheadMs ?? [])
  if (ahead.length === 0) return 'not known'
  const most = ahead.reduce((one, other) => (Math.abs(other) > Math.abs(one) ? other : one))
  if (Math.abs(most) < 1_000) return 'as ours'
  return `${duration(Math.abs(most))} ${most > 0 ? 'ahead of' : 'behind'} ours`
}

function databasesOf({ name }: Integration, { databases }: Catalog): readonly string[] {
  return [...databases.values()]
    .filter((one) => one.integrations.includes(name))
    .map((one) => (one.primary === name ? `${one.name} (primary)` : one.name))
}

function poolsOf({ name }: Integration, { pools }: Catalog): readonly string[] {
  return pools.all
    .filter(({ allowedIntegrations: allowed }) => allowed === undefined || allowed.has(name))
    .map((one) => (one.ssoIntegration === name ? `${one.name} (sign-in)` : one.name))
}

function rounded(at: number): number {
  return Math.round(at / roundMs) * roundMs
}

function keyTable(integration: string): Table<PublicKeyName> {
  return {
    caption: `Public keys of ${shown(integration)}`,
    columns: [
      { label: 'Key id', cell: ({ kid }) => shown(kid, 'none') },
      { label: 'Type', cell: ({ kty }) => shown(kty) },
      { label: 'Algorithm', cell: ({ alg }) => shown(alg, 'any of its type') },
      { label: 'Use', cell: ({ use }) => shown(use, 'any') },
    ],
  }
}
