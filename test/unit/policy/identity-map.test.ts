import { describe, expect, test } from 'vitest'
import {
  type IdentityMapProblem,
  mapPrincipal,
  parseIdentityMap,
} from '../../../src/policy/identity-map.ts'

const issuer = 'https://issuer.example'

/** The users that the lines give a principal of the issuer; undefined where it has no line. */
function usersOf(text: string, principal: string, its = issuer): readonly string[] | undefined {
  const { map, problems } = parseIdentityMap(text)
  expect(problems).toEqual([])
  const mapped = mapPrincipal(map, its, principal)
  return mapped.kind === 'mapped' ? mapped.users : undefined
}

function problemsOf(text: string): readonly IdentityMapProblem[] {
  return parseIdentityMap(text).problems
}

describe('a line of the identity map', () => {
  test.each([
    ['names principal and role', `${issuer} alice app`, 'alice', ['app']],
    ['is for nobody else', `${issuer} alice app`, 'alice2', []],
    ['does not say that the role is itself a principal', `${issuer} alice bob`, 'bob', []],
    ['compares byte for byte', `${issuer} alice app`, 'Alice', []],
    ['may be indented and have tabs', `\t ${issuer}\t\talice \t app \t`, 'alice', ['app']],
    ['may have a comment', `${issuer} alice app # the app`, 'alice', ['app']],
    ['may have a comment without a blank', `${issuer} alice app#the app`, 'alice', ['app']],
    ['may have a comment behind a quote', `${issuer} alice "app"#the app`, 'alice', ['app']],
    ['may have an unterminated quote in a comment', `${issuer} alice app # "`, 'alice', ['app']],
    ['may quote a blank', `${issuer} "alice b" "my app"`, 'alice b', ['my app']],
    ['may quote a #', `${issuer} "alice#b" "app#1"`, 'alice#b', ['app#1']],
    ['may quote a quote', `${issuer} "al""ice" """app"""`, 'al"ice', ['"app"']],
    ['may quote the issuer', `"${issuer}" alice app`, 'alice', ['app']],
    ['may quote nothing', `${issuer} "" app`, '', ['app']],
    ['gives nobody an empty role', `${issuer} alice ""`, 'alice', []],
    ['may quote a role of the name all', `${issuer} alice "all"`, 'alice', ['all']],
    ['may quote a role with a plus', `${issuer} alice "+app"`, 'alice', ['+app']],
    ['may end as on Windows', `${issuer} alice app\r\n${issuer} bob ops\r\n`, 'bob', ['ops']],
  ])('%s', (_, text, principal, users) => {
    expect(usersOf(text, principal)).toEqual(users)
  })

  test.each([
    [
      'is an expression behind a slash',
      String.raw`/^(.*)@example\.com$ \1`,
      'alice@example.com',
      ['alice'],
    ],
    ['matches nobody else', String.raw`/^(.*)@example\.com$ \1`, 'alice@example.org', []],
    [
      'is not anchored by itself',
      String.raw`/@example\.com app`,
      'eve@example.com.evil.org',
      ['app'],
    ],
    ['needs no parentheses for a fixed role', '/^alice app', 'alice2', ['app']],
    ['takes the first group', String.raw`/^(\w+)\.(\w+)$ \1`, 'alice.ops', ['alice']],
    ['fills in the first \\1 only', String.raw`/^(.*)@x$ a_\1_\1`, 'b@x', [String.raw`a_b_\1`]],
    ['knows no other group', String.raw`/^(.)(.)$ \1\2`, 'ab', [String.raw`a\2`]],
    ['does not interpret what it fills in', String.raw`/^(.*)@x$ \1`, '$&$1@x', ['$&$1']],
    ['gives nobody an empty role', String.raw`/^(.*)@x$ \1`, '@x', []],
    ['gives nobody the rest of a role', String.raw`/^a(b)?$ app_\1`, 'a', []],
    ['gives the whole of a role', String.raw`/^a(b)?$ app_\1`, 'ab', ['app_b']],
    [
      'may be quoted, to have blanks',
      String.raw`"/^(.*) of (.*)#$" \1`,
      'alice of ops#',
      ['alice'],
    ],
    ['knows flags', String.raw`/(?i)^(.*)@EXAMPLE\.com$ \1`, 'Alice@example.COM', ['Alice']],
    ['is an empty expression behind a lone slash', '/ app', 'anybody', ['app']],
  ])('%s, if it has a regular expression', (_, line, principal, users) => {
    expect(usersOf(`${issuer} ${line}`, principal)).toEqual(users)
  })

  test.each(['', '\n\n', '   \t ', '# comment', '  # comment "'])('may be empty: %j', (text) => {
    expect(usersOf(text, 'alice')).toBeUndefined()
    expect(usersOf(`${text}\n${issuer} alice app\n${text}`, 'alice')).toEqual(['app'])
  })
})

describe('the lines of an issuer', () => {
  const text = `
${issuer} alice second
${issuer} alice first
https://other.example alice theirs
${issuer} /^al first
${issuer} bob third
${issuer} alice third`

  test('give a principal several users, in their order and each once', () => {
    expect(usersOf(text, 'alice')).toEqual(['second', 'first', 'third'])
    expect(usersOf(text, 'alan')).toEqual(['first'])
  })

  test('give nobody anything when none of them matches', () => {
    expect(usersOf(text, 'carol')).toEqual([])
  })

  test('are not for the principals of another issuer', () => {
    expect(usersOf(text, 'alice', 'https://other.example')).toEqual(['theirs'])
    expect(usersOf(text, 'bob', 'https://other.example')).toEqual([])
  })

  test.each(['https://third.example', issuer.toUpperCase(), `${issuer}//`, `${issuer}/path`])(
    'leave the principals of %s unmapped',
    (its) => {
      expect(usersOf(text, 'alice', its)).toBeUndefined()
    },
  )

  test.each([
    [`${issuer}/`, issuer],
    [issuer, `${issuer}/`],
    [`${issuer}/`, `${issuer}/`],
  ])('count for %s and %s alike', (written, its) => {
    expect(usersOf(`${written} alice app`, 'alice', its)).toEqual(['app'])
  })
})

describe('a problem', () => {
  const fields = 'expected three fields: issuer, principal, role'
  const quotes = 'unterminated quote, or a quote inside a word'
  test.each([
    [issuer, fields],
    [`${issuer} alice`, fields],
    [`${issuer} alice app more`, fields],
    [`${issuer} alice # app`, fields],
    [`${issuer} alice "app`, quotes],
    [`${issuer} al"ice app`, quotes],
    [`${issuer} "al"ice app`, quotes],
    [`${issuer} alice "app""`, quotes],
    [`${issuer} alice +app`, 'a role that begins with + or / is not supported; name the role'],
    [`${issuer} alice /app`, 'a role that begins with + or / is not supported; name the role'],
    [`${issuer} alice all`, '"all" would let a principal be any role; name the role, or quote it'],
    [String.raw`${issuer} alice \1`, String.raw`\1 needs a regular expression in the second field`],
    [
      String.raw`${issuer} /^.*$ \1`,
      String.raw`\1 is used, and the regular expression has no parentheses`,
    ],
  ])('is told with its line: %s', (line, message) => {
    expect(problemsOf(line)).toEqual([{ line: 1, message }])
    expect(problemsOf(`# comment\n\n${line}\n${issuer} bob ops`)).toEqual([{ line: 3, message }])
  })

  test.each(['/(', '/[', '/(?=x)', String.raw`/(.)\1`, '/a**'])(
    'is told of an expression that RE2 has not: %s',
    (expression) => {
      expect(problemsOf(`\n${issuer} ${expression} app`)).toEqual([
        { line: 2, message: expect.stringMatching(/^invalid regular expression: ./) as unknown },
      ])
    },
  )

  test('does not hide the others, and the lines without one are read', () => {
    const { map, problems } = parseIdentityMap(`${issuer}\n${issuer} alice app\n${issuer} b +c`)
    expect(problems.map(({ line }) => line)).toEqual([1, 3])
    expect(mapPrincipal(map, issuer, 'alice')).toEqual({ kind: 'mapped', users: ['app'] })
  })
})
