// Where clients may connect, by which rules, and who is in.
import type { Context } from 'hono'
import { html } from 'hono/html'
import type { PoolFacts } from '../../admin/console-fleet.ts'
import type { Network } from '../../policy/network.ts'
import { isOpen, nextOpening, shownTime } from '../../policy/login-hours.ts'
import type { Pool } from '../../policy/catalog.ts'
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
import { address, counted, link, list, number, shown, unansweredNotice } from './shown.ts'

export async function poolsPage(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
): Promise<Response> {
  const body = live('/events?topics=pools', await content(desk))
  return c.html(layout({ title: 'Pools', visitor: operator, place: 'pools' }, body))
}

export function poolsTopic(desk: Desk): Topic {
  return {
    key: 'pools',
    refreshMs: 2_000,
    mark: async () => Promise.resolve(''),
    render: async () => new Map([['pools', (await content(desk)).toString()]]),
  }
}

async function content(desk: Desk): Promise<Html> {
  const { services } = desk
  const { answers, unanswered } = await desk.ask('occupancy')
  const { pools } = services.rules().catalog
  const { node, pools: facts } = services.fleet.node()
  const sections = pools.all.map((pool): Html => {
    const sessions = answers.reduce((sum, counts) => sum + (counts.get(pool.name) ?? 0), 0)
    const own = facts.find(({ name }) => name === pool.name)
    return section(pool, own, sessions, node, services.now())
  })
  return html`<div id="pools">
    ${unansweredNotice(unanswered)}
    ${
      sections.length === 0
        ? emptyState('There is no pool.', 'CREATE CONNECTIVITY_POOL at the console makes one.')
        : sections
    }
  </div>`
}

function section(
  pool: Pool,
  facts: PoolFacts | undefined,
  sessions: number,
  node: string,
  now: Date,
): Html {
  const { sessionLimits: limits } = pool
  const most = facts?.maxSessions
  return html`<section>
    <h2>${shown(pool.name)}</h2>
    ${definitions([
      ['Logins', hours(pool, now)],
      [
        'Sessions',
        html`${link(address('/sessions', { pool: pool.name }), counted(sessions, 'session'))}${
          most === undefined ? '' : ` of at most ${number(most)}`
        }`,
      ],
      ['Source addresses', list(pool.networks.map(networkText), 'none')],
      ['Priority', String(pool.priority)],
      ['Single sign-on', pool.requireSso ? 'required' : 'possible, passwords too'],
      ['Password users', list(pool.passwordUsers, 'none')],
      ['How credentials are asked for', pool.authMethods.join(', ')],
      ['Sign-in by', shown(pool.ssoIntegration, 'the primary integration of the database')],
      ['Integrations', list(pool.allowedIntegrations ?? [], 'all')],
      ['Databases', list(pool.allowedDatabases ?? [], 'all')],
      ['Groups', list(pool.allowedGroups ?? [], 'all')],
      ['Server names', list(pool.serverNames, 'any')],
      ['Client certificates', pool.requiresClientCertificate ? 'required' : 'not required'],
      ['Replication', pool.allowsReplication ? 'allowed' : 'not allowed'],
      ['When its token expires', expiry[limits.expiry]],
      ['Longest session', limit(limits.maxLifetimeMs)],
      ['Longest idle', limit(limits.idleMs)],
      ['Longest idle in a transaction', limit(limits.idleInTransactionMs)],
    ])}
    ${facts === undefined ? '' : table(participantTable(pool.name, node), facts.participants)}
  </section>`
}

const expiry = {
  ignore: 'a session goes on',
  idle: 'a session ends with its transaction',
  hard: 'a session ends, after a grace',
} as const

function limit(ms: number | undefined): string {
  return ms === undefined ? 'no limit' : duration(ms)
}

function hours({ loginHours }: Pool, now: Date): Content {
  if (loginHours.length === 0) return badge('open at all hours', 'good')
  if (isOpen(loginHours, now)) return badge('open now', 'good')
  const opens = nextOpening(loginHours, now)
  const when = opens === undefined ? '' : `, next ${shownTime(opens.at, opens.zone)}`
  return html`${badge('closed now', 'warn')}${when}`
}

function networkText({ text }: Network): string {
  return text
}

function participantTable(pool: string, here: string): Table<PoolFacts['participants'][number]> {
  return {
    caption: `Listeners of ${shown(pool)}`,
    columns: [
      { label: 'Node', cell: ({ node }) => `${shown(node)}${node === here ? ' (this one)' : ''}` },
      { label: 'Listens on', cell: ({ listens }) => shown(listens) },
      { label: 'Clients reach it by', cell: ({ advertised }) => shown(advertised, 'the same') },
    ],
  }
}
