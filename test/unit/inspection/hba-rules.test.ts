import { describe, expect, test } from 'vitest'
import { type HbaRule, parseRules, reachableRules } from '../../../src/inspection/hba-rules.ts'

/** `type databases users address[/netmask] method`, as the server tells them. */
function rulesOf(...lines: readonly string[]): readonly HbaRule[] {
  return lines.map((line, index) => {
    const [type = '', databases = '', users = '', place = '', method = ''] = line.split(' ')
    const [address = '', netmask = null] = place.split('/')
    return {
      ...{ file: null, line: index + 1, type, method, options: null, error: null },
      ...{ databases: databases.split(','), users: users.split(','), address, netmask },
    }
  })
}

const zero = '0.0.0.0/0.0.0.0'
const question = { role: 'app', database: 'sandbox', isEncrypted: true }

const reached = (rules: readonly HbaRule[], changes: object = {}): readonly number[] =>
  reachableRules(rules, { ...question, ...changes }).map(({ line }) => line)

describe('a login could meet', () => {
  test.each([
    [
      'the first line that is for everybody, and none behind it',
      ['host all all all trust', 'host all all all md5'],
      [1],
    ],
    [
      'a line for some addresses, and those behind it',
      ['host all all 10.0.0.0/255.0.0.0 trust', 'host all all all reject'],
      [1, 2],
    ],
    [
      'lines of one family behind those of the other',
      [
        `host all all ${zero} reject`,
        'host all all ::1/ffff:: trust',
        'host all all 127.0.0.1/255.0.0.0 trust',
        'host all all ::/:: reject',
        'host all all samenet trust',
      ],
      [1, 2, 4],
    ],
    [
      'its database and role by name, in a list',
      ['host other app all trust', 'host a,sandbox b,app all trust'],
      [2],
    ],
    ['no line of another role', ['host sandbox other all trust'], []],
    ['no line for replication', ['host replication all all trust'], []],
    ['a line for databases that have the name of the role', ['host sameuser all all trust'], []],
    [
      'a line that is for members of something, and those behind it',
      ['host all +team all trust', 'host samerole all all md5', 'host all all all reject'],
      [1, 2, 3],
    ],
    [
      'a line with a pattern, and those behind it',
      ['host /^s all all trust', 'host all /p$ all md5', 'host all all all reject'],
      [1, 2, 3],
    ],
    [
      'a line for TLS, and none for no TLS or for sockets',
      ['hostnossl all all all trust', 'local all all all trust', 'hostssl all all all cert'],
      [3],
    ],
    [
      'a line for a host name, and those behind it',
      ['host all all db.example.com trust', 'host all all all reject'],
      [1, 2],
    ],
  ] as const)('%s', (_, lines, expected) => {
    expect(reached(rulesOf(...lines))).toEqual(expected)
  })

  test('without TLS the lines for that, and none for TLS', () => {
    const rules = rulesOf('hostssl all all all cert', 'hostnossl all all all trust')
    expect(reached(rules, { isEncrypted: false })).toEqual([2])
  })

  test('a line for databases of the name of the role, where that is the database', () => {
    const rules = rulesOf('host sameuser all all trust', 'host all all all reject')
    expect(reached(rules, { database: 'app' })).toEqual([1])
  })

  test('no line that the server could not read', () => {
    const broken = rulesOf('host all all all trust').map((one) => ({ ...one, error: 'wrong' }))
    expect(reached(broken)).toEqual([])
  })
})

test('what the server tells is read to its end, or not at all', () => {
  const [row] = rulesOf('host all all all trust')
  expect(parseRules([JSON.stringify(row)])).toEqual([row])
  expect(() => parseRules(['{"line":1}'])).toThrow('expected')
})
