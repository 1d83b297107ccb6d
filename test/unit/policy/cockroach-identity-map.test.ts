import { describe, expect, test } from 'vitest'
import { parseCockroachMap } from '../../../src/policy/cockroach-identity-map.ts'
import { mapPrincipal } from '../../../src/policy/identity-map.ts'

const google = 'https://accounts.google.com'

function usersOf(text: string, principal: string, issuer = google): readonly string[] | 'unmapped' {
  const { map, problems } = parseCockroachMap(text)
  expect(problems).toEqual([])
  const mapped = mapPrincipal(map, issuer, principal)
  return mapped.kind === 'unmapped' ? 'unmapped' : mapped.users
}

test.each([
  ['a literal', `${google} 1232316645658094244789 roach`, '1232316645658094244789', ['roach']],
  ['another literal', `${google} 1232316645658094244789 roach`, '123', []],
  ['a literal that ends alike', `${google} carl roach`, 'marl', []],
  ['a literal with blanks of any kind', `\t${google}\t 5   roach \r`, '5', ['roach']],
  [
    'an expression with a reference',
    `${google} /^(.*)@example\\.com$ \\1`,
    'carl@example.com',
    ['carl'],
  ],
  ['a reference inside', `${google} /^([0-9]*)$ gcp_\\1`, '42', ['gcp_42']],
  ['only the first reference', `${google} /^(.)$ \\1_\\1`, 'a', ['a_\\1']],
  [
    'an expression that is not anchored',
    `${google} /admin root_of_all`,
    'no-admins',
    ['root_of_all'],
  ],
  ['an expression without a group', `${google} /^a+$ roach`, 'aaa', ['roach']],
  ['a group that took no part', `${google} /^(x)?y$ gcp_\\1`, 'y', []],
  [
    'several lines, in their order, each once',
    `${google} a b\n${google} a c\n${google} a b`,
    'a',
    ['b', 'c'],
  ],
  ['a comment behind a line', `${google} a b # and why`, 'a', ['b']],
  ['a comment inside a word', `# a map\n${google} a b#c`, 'a', ['b']],
  ['quotes, which are a part of the word', `${google} "a" "b"`, '"a"', ['"b"']],
  ['a role that is a keyword elsewhere', `${google} a all`, 'a', ['all']],
  ['a role with a plus', `${google} a +b`, 'a', ['+b']],
])('%s: %s', (_, text, principal, users) => {
  expect(usersOf(text, principal)).toEqual(users)
})

test('an issuer without a line is not mapped at all', () => {
  expect(usersOf(`${google} a b`, 'a', 'https://other.example.com')).toBe('unmapped')
  expect(usersOf('\n# nothing\n', 'a')).toBe('unmapped')
})

describe('a line that cannot be read', () => {
  const words = 'expected three words: issuer, user of the token, role; quotes have no meaning'
  const reference = 'saw \\1 substitution, but pattern contains no subexpressions'

  test.each([
    [`${google} a`, words],
    [`${google} a b c`, words],
    [`${google} "a b" c`, words],
    [`${google} a # b`, words],
    [`${google} /^a$ \\1`, reference],
    [`${google} a \\1`, reference],
    [`${google} /^([9-0]*)$ gcp_\\1`, 'invalid regular expression'],
    [`${google} /(?=a) b`, 'invalid regular expression'],
  ])('%s', (text, message) => {
    expect(parseCockroachMap(`# first\n${text}`).problems).toEqual([{ line: 2, message }])
  })
})
