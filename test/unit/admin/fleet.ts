import type { ConsoleFleet, NodeFacts } from '../../../src/admin/console-fleet.ts'
import type { Answer } from '../../../src/admin/answer.ts'
import type { ConsoleReply, ConsoleUser } from '../../../src/admin/order.ts'
import { execute, type ConsoleServices } from '../../../src/admin/execute.ts'
import type { SessionActivity, SessionServer } from '../../../src/session/session-activity.ts'
import { listSessions } from '../../../src/session/session-summary.ts'
import { verified } from '../telemetry/facts.ts'

export const id = '0f8a1c9e-2b3c-4d5e-8f60-112233445566'

export const activity: SessionActivity = {
  standing: 'idle',
  askedAtMs: Date.parse('2026-01-02T03:05:00Z'),
  queries: 7,
  transactions: 3,
  queryMs: 12.5,
  transactionMs: 20,
  bytesFromFrontend: 70,
  bytesFromUpstream: 700,
}

export const server: SessionServer = {
  host: 'db.example.com',
  port: 5432,
  address: '10.0.0.5',
  localPort: 40_001,
}

export const session = { facts: { ...verified, id }, activity, server }

export const node: NodeFacts = {
  node: 'gw0',
  version: '0.1.0',
  state: 'active',
  maxSessions: 100,
  databases: [
    {
      name: 'sandbox',
      hosts: [
        { host: 'db1.example.com', port: 5432 },
        { host: 'db2.example.com', port: 5432 },
      ],
      database: 'sandbox_prod',
      maxSessions: 20,
      isBalanced: true,
      isPaused: false,
      isDisabled: false,
    },
    {
      name: 'orders',
      hosts: [{ host: '10.0.0.6', port: 5433 }],
      database: 'orders',
      maxSessions: undefined,
      isBalanced: false,
      isPaused: true,
      isDisabled: true,
    },
  ],
  pools: [],
  roles: ['app_readonly', 'app_readwrite'],
  settings: [{ key: 'max_client_conn', value: '100', default: '10000', isChangeable: true }],
}

/** A fleet that has one session; `more` is what a test is about. */
export function fleetOf(more: Partial<ConsoleFleet> = {}): ConsoleFleet {
  const nothing = async () => Promise.resolve({ answers: [], unanswered: 0 })
  return {
    node: () => node,
    replicas: async () => Promise.resolve([]),
    sessions: async (query) => Promise.resolve(listSessions([session], query)),
    statistics: async () => Promise.resolve({ databases: new Map(), unanswered: 0 }),
    ask: nothing,
    askOne: nothing,
    refusal: nothing,
    standingOrders: () => [],
    end: async () => Promise.resolve({ ended: 1, unanswered: 0 }),
    restore: async () => Promise.resolve({ restored: 1, unanswered: 0 }),
    explain: async () => Promise.reject(new Error('not asked for')),
    record: async () => Promise.resolve(),
    ...more,
  }
}

export const administrator: ConsoleUser = {
  name: 'carol',
  right: 'admin',
  by: 'sso',
  issuer: 'https://auth.example.com',
  subject: 'auth0|carol',
  address: '192.0.2.9',
  session: 'console-1',
  database: 'system',
}

/** What the console says to one statement. */
export async function say(
  text: string,
  fleet: ConsoleFleet,
  parameters: readonly string[] = [],
): Promise<ConsoleReply> {
  const services = { fleet } as ConsoleServices
  return execute({ text, index: 0, parameters, user: administrator }, services)
}

/** The same, where it is an answer. */
export async function answerTo(
  text: string,
  fleet: ConsoleFleet,
  parameters?: readonly string[],
): Promise<Answer> {
  const reply = await say(text, fleet, parameters)
  if (reply.kind !== 'answer') throw new Error(JSON.stringify(reply))
  return reply.answer
}
