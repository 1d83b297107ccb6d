import { describe, expect, test } from 'vitest'
import { putPassfileLines, removePassfileLines } from '../../../../src/cli/client/passfile.ts'

const one = [{ host: 'db.example.com', port: 5432 }]
const two = [...one, { host: '2001:db8::1', port: 6432 }]

describe('the line of a gateway', () => {
  test.each([
    ['begins a file', '', one, 'a.b', 'db.example.com:5432:*:*:a.b\n'],
    [
      'goes behind the others',
      '# mine\nother:5432:*:*:x\n',
      one,
      'a.b',
      '# mine\nother:5432:*:*:x\ndb.example.com:5432:*:*:a.b\n',
    ],
    [
      'goes behind a line without an end',
      'other:1:*:*:x',
      one,
      'a',
      'other:1:*:*:x\ndb.example.com:5432:*:*:a\n',
    ],
    [
      'takes its own place',
      '# mine\ndb.example.com:5432:*:*:old\nother:5432:*:*:x\n',
      one,
      'new',
      '# mine\ndb.example.com:5432:*:*:new\nother:5432:*:*:x\n',
    ],
    [
      'leaves lines of one user alone',
      'db.example.com:5432:*:break_glass:x\n',
      one,
      'a',
      'db.example.com:5432:*:break_glass:x\ndb.example.com:5432:*:*:a\n',
    ],
    [
      'goes before one that would hide it',
      'x:1:*:*:y\n*:*:*:*:z\n',
      one,
      'a',
      'x:1:*:*:y\ndb.example.com:5432:*:*:a\n*:*:*:*:z\n',
    ],
    [
      'leaves a comment that looks like it',
      '#db.example.com:5432:*:*:a\n',
      one,
      'b',
      '#db.example.com:5432:*:*:a\ndb.example.com:5432:*:*:b\n',
    ],
    [
      'is there for each endpoint, with what ends a field escaped',
      '',
      two,
      'a:b\\c',
      'db.example.com:5432:*:*:a\\:b\\\\c\n2001\\:db8\\:\\:1:6432:*:*:a\\:b\\\\c\n',
    ],
  ])('%s', (_, before, endpoints, token, after) => {
    expect(putPassfileLines(before, endpoints, token)).toBe(after)
    expect(putPassfileLines(after, endpoints, token)).toBe(after)
  })

  test('is taken out, and nothing else is', () => {
    const text =
      '# mine\n\ndb.example.com:5432:*:*:a\ndb.example.com:5432:x:*:b\n2001\\:db8\\:\\:1:6432:*:*:c\n'
    expect(removePassfileLines(text, two)).toBe('# mine\n\ndb.example.com:5432:x:*:b\n')
  })
})
