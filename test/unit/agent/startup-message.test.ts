import { expect, test } from 'vitest'
import {
  type AskedStartup,
  readClientPacket,
  type StartupDefaults,
  startupFor,
} from '../../../src/agent/startup-message.ts'
import { startupPacket } from '../../support/wire-client.ts'

const three = 3 << 16

function asked(parameters: Readonly<Record<string, string>>, version = three): AskedStartup {
  const taken = readClientPacket(startupPacket(parameters, version))
  if (taken?.value.kind !== 'startup') throw new Error('no startup message')
  return taken.value
}

const profile: StartupDefaults = {
  systemUser: 'alice',
  user: 'app_readonly',
  database: 'sandbox',
  forcedUser: undefined,
  forcedDatabase: undefined,
}

function sent(
  parameters: Readonly<Record<string, string>>,
  changes: Partial<StartupDefaults> = {},
): Readonly<Record<string, string>> {
  const bytes = startupFor(asked(parameters), { ...profile, ...changes })
  const taken = readClientPacket(bytes)
  if (taken?.value.kind !== 'startup') throw new Error('no startup message')
  expect(taken.length).toBe(bytes.length)
  return Object.fromEntries(taken.value.pairs)
}

const ours = { user: 'app_readonly', database: 'sandbox' }

test.each<[string, Readonly<Record<string, string>>, object]>([
  ['nobody and nothing', {}, ours],
  ['an empty user and database', { user: '', database: '' }, ours],
  [
    'the user of the system, and the database of that name',
    { user: 'alice', database: 'alice' },
    ours,
  ],
  ['another user alone', { user: 'bob' }, { user: 'bob', database: 'sandbox' }],
  [
    'another user, whose name libpq takes for the database',
    { user: 'bob', database: 'bob' },
    { user: 'bob', database: 'sandbox' },
  ],
  [
    'another user and the database of the system user',
    { user: 'bob', database: 'alice' },
    { user: 'bob', database: 'sandbox' },
  ],
  [
    'a database alone',
    { user: 'alice', database: 'orders' },
    { user: 'app_readonly', database: 'orders' },
  ],
  ['both', { user: 'bob', database: 'orders' }, { user: 'bob', database: 'orders' }],
])('a client that names %s', (_, parameters, expected) => {
  expect(sent(parameters)).toEqual(expected)
})

test('without defaults a client is whom it names', () => {
  const none = { user: undefined, database: undefined }
  expect(sent({ user: 'alice', database: 'alice' }, none)).toEqual({
    user: 'alice',
    database: 'alice',
  })
  expect(sent({}, none)).toEqual({})
})

test('where nobody knows the user of the system, a name is a name', () => {
  expect(sent({ user: 'alice', database: 'orders' }, { systemUser: undefined })).toEqual({
    user: 'alice',
    database: 'orders',
  })
})

test('what is forced goes before what the client names', () => {
  const forced = { forcedUser: 'auditor', forcedDatabase: 'ledger' }
  expect(sent({ user: 'bob', database: 'orders' }, forced)).toEqual({
    user: 'auditor',
    database: 'ledger',
  })
})

test('everything else goes on as it came, options of the protocol and its version, too', () => {
  const parameters = {
    user: 'bob',
    application_name: 'käse',
    options: '-c search_path=a\\ b',
    '_pq_.grease': 'x',
    database: 'orders',
    empty: '',
  }
  const bytes = startupFor(asked(parameters, three | 9_999), profile)
  expect(readClientPacket(bytes)).toEqual({
    value: {
      kind: 'startup',
      minorVersion: 9_999,
      pairs: [
        ['user', 'bob'],
        ['database', 'orders'],
        ['application_name', 'käse'],
        ['options', '-c search_path=a\\ b'],
        ['_pq_.grease', 'x'],
        ['empty', ''],
      ],
    },
    length: bytes.length,
  })
})
