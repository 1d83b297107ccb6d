import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../src/refusal.ts'
import { proveRole, type RoleRequirement, roleQuery } from '../../../src/upstream/prove-role.ts'
import { readFrame } from '../../../src/wire/frame.ts'
import { cstrings, int16, int32, message } from '../wire/bytes.ts'

function column(name: string, type = 16, format = 0): Buffer {
  const numbers = [int32(0), int16(0), int32(type), int16(1), int32(-1), int16(format)]
  return Buffer.concat([cstrings(name), ...numbers])
}

function columns(...described: readonly Buffer[]): Buffer {
  return message('T', Buffer.concat([int16(described.length), ...described]))
}

function row(...values: readonly (string | null)[]): Buffer {
  const parts = values.map((value) =>
    value === null ? int32(-1) : Buffer.concat([int32(value.length), Buffer.from(value)]),
  )
  return message('D', Buffer.concat([int16(values.length), ...parts]))
}

const described = columns(column('is_superuser'), column('exists'))
const complete = message('C', 'SELECT 1\0')
const ready = message('Z', 'I')
const notice = message('N', cstrings('SLOG', 'C00000', 'Mhello', ''))
const status = message('S', cstrings('TimeZone', 'UTC'))
const error = message('E', cstrings('SERROR', 'C42501', 'Mpermission denied', ''))

const membership: RoleRequirement = { memberOf: ['ops'], allowsSuperuser: false }
const anyRole: RoleRequirement = { memberOf: [], allowsSuperuser: false }

interface Asked {
  readonly outcome: Buffer | string
  readonly sent: readonly Buffer[]
}

/** What is proven by these messages: what is left for the client, or the reason of the refusal. */
async function prove(answer: readonly Buffer[], requirement = membership): Promise<Asked> {
  let bytes = Buffer.concat(answer)
  const sent: Buffer[] = []
  const next = async (): Promise<NonNullable<ReturnType<typeof readFrame>>['value']> => {
    const taken = readFrame(bytes, 65_536)
    if (taken === undefined) return Promise.reject(new Error('the server says no more'))
    bytes = bytes.subarray(taken.length)
    return Promise.resolve(taken.value)
  }
  const send = (one: Buffer): number => sent.push(one)
  try {
    return { outcome: await proveRole({ role: 'bob', requirement, next, send }), sent }
  } catch (thrown) {
    if (thrown instanceof Refusal) return { outcome: thrown.reason, sent }
    return { outcome: thrown instanceof Error ? thrown.name : 'thrown', sent }
  }
}

describe('a role is proven', () => {
  test('by one row that says that it is a member, and one statement is all that is sent', async () => {
    const { outcome, sent } = await prove([described, row('f', 't'), complete, ready])
    expect(outcome).toEqual(Buffer.alloc(0))
    expect(sent).toEqual([message('Q', `${roleQuery('bob', ['ops'])}\0`)])
  })

  test('without a membership where none is required', async () => {
    const { outcome } = await prove([described, row('f', 'f'), complete, ready], anyRole)
    expect(outcome).toEqual(Buffer.alloc(0))
  })

  test('though it is a superuser where that is allowed', async () => {
    const allowing = { memberOf: [], allowsSuperuser: true }
    const { outcome } = await prove([described, row('t', 'f'), complete, ready], allowing)
    expect(outcome).toEqual(Buffer.alloc(0))
  })

  test('with what the client has to know of the session, and no word about our statement', async () => {
    const answer = [notice, described, status, row('f', 't'), notice, complete, status, ready]
    const { outcome } = await prove(answer)
    expect(outcome).toEqual(Buffer.concat([status, status]))
  })
})

describe('a role is not proven', () => {
  test.each<[string, readonly Buffer[], string, RoleRequirement?]>([
    ['when it is no member', [described, row('f', 'f'), complete, ready], 'role-not-allowed'],
    ['when there is no such role', [described, complete, ready], 'role-not-allowed'],
    ['when it is a superuser', [described, row('t', 't'), complete, ready], 'role-reserved'],
    ['when any superuser', [described, row('t', 'f'), complete, ready], 'role-reserved', anyRole],
    ['by an error', [error, ready], 'upstream-refused'],
    ['by an error behind the row', [described, row('f', 't'), error, ready], 'upstream-refused'],
    ['by a row without columns', [row('f', 't'), complete, ready], 'upstream-protocol'],
    [
      'by two rows',
      [described, row('f', 't'), row('f', 't'), complete, ready],
      'upstream-protocol',
    ],
    ['by columns and no end', [described, row('f', 't'), ready], 'upstream-protocol'],
    ['by an end alone', [ready], 'upstream-protocol'],
    [
      'by a transaction',
      [described, row('f', 't'), complete, message('Z', 'T')],
      'MalformedMessage',
    ],
    ['by a null', [described, row('f', null), complete, ready], 'MalformedMessage'],
    ['by another word', [described, row('f', 'y'), complete, ready], 'MalformedMessage'],
    ['by a longer word', [described, row('f', 'true'), complete, ready], 'MalformedMessage'],
    ['by one value', [described, row('t'), complete, ready], 'MalformedMessage'],
    ['by three values', [described, row('f', 't', 't'), complete, ready], 'MalformedMessage'],
    ['by one column', [columns(column('a')), row('f', 't')], 'MalformedMessage'],
    ['by text', [columns(column('a'), column('b', 25)), row('f', 't')], 'MalformedMessage'],
    ['by binary', [columns(column('a', 16, 1), column('b')), row('f', 't')], 'MalformedMessage'],
    ['by cut columns', [message('T', Buffer.from([0, 2, 97])), row('f', 't')], 'MalformedMessage'],
    ['by a request to copy', [message('G', Buffer.alloc(3))], 'upstream-protocol'],
    ['by a message of the login', [message('R', int32(0))], 'upstream-protocol'],
    ['by silence', [described, row('f', 't'), complete], 'Error'],
    ['by endless notices', Array.from({ length: 2_000 }, () => notice), 'upstream-protocol'],
  ])('%s', async (_, answer, outcome, requirement = membership) => {
    expect((await prove(answer, requirement)).outcome).toBe(outcome)
  })
})

test('a statement about roles has their names only as hexadecimal digits', () => {
  const names = ["'; drop table x; --", '$$', '\\', '"', 'é\u202e', '\n', '%s', '${x}']
  const bare = roleQuery(
    '',
    names.map(() => ''),
  )
  const query = roleQuery(names[0]!, names)
  for (const name of names) {
    const hex = Buffer.from(name).toString('hex')
    expect(query).toContain(`'${hex}'`)
  }
  expect(query.replaceAll(/'(?:[0-9a-f]{2})+'/g, "''")).toBe(bare)
})
