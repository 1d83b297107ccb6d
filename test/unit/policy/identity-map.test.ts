import { describe, expect, test } from 'vitest'
import {
  type IdentityMapProblem,
  mapPrincipal,
  type OpenRule,
  parseIdentityMap,
} from '../../../src/policy/identity-map.ts'
import { describeRule } from '../../../src/policy/open-rules.ts'

const issuer = 'https://issuer.example'

/** The users that the lines give a principal of the issuer; undefined where it has no line. */
function usersOf(text: string, principal: string, its = issuer): readonly string[] | undefined {
  const { map, problems } = parseIdentityMap(text)
  expect(problems).toEqual([])
  const mapped = mapPrincipal(map, its, principal)
  return mapped.kind === 'mapped' ? mapped.users : undefined
}

/** What the lines open to a principal of the issuer without naming it. */
function openedBy(text: string, principal: string): readonly string[] {
  const { map, problems } = parseIdentityMap(text)
  expect(problems).toEqual([])
  const mapped = mapPrincipal(map, issuer, principal)
  return mapped.kind === 'mapped' ? mapped.open.map((rule: OpenRule) => describeRule(rule)) : []
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
    ['may quote a part of a field', `${issuer} al"ice b"ob my" app"`, 'alice bob', ['my app']],
    ['may begin with a quote and go on', `${issuer} "al"ice "a"ll`, 'alice', ['all']],
    ['may quote nothing before a keyword', `${issuer} alice ""all`, 'alice', ['all']],
    ['may quote a comma', `${issuer} "alice,b" "a,b"`, 'alice,b', ['a,b']],
    ['may quote an @', `${issuer} "@alice" "@app"`, '@alice', ['@app']],
    ['may be of a lone @', `${issuer} @ app`, '@', ['app']],
    ['takes other blanks for letters', `${issuer} alice\u00a0b app`, 'alice\u00a0b', ['app']],
    ['may go on in the next line', `${issuer} \\\n  alice \\\r\n app`, 'alice', ['app']],
    ['may go on in the middle of a word', `${issuer} al\\\nice app`, 'alice', ['app']],
    ['may go on within quotes', `${issuer} "al\\\n ice" app`, 'al ice', ['app']],
    ['may end the text with a backslash', `${issuer} alice app\\`, 'alice', ['app']],
    ['does not go on behind two empty ones', `${issuer} alice app\\\n\\\n`, 'alice', ['app']],
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

describe('the third field', () => {
  test.each([
    ['all opens every role', 'alice all', ['any role']],
    ['all may be quoted in its middle', 'alice a"ll"', ['any role']],
    ['all in quotes is a role', 'alice "all"', []],
    ['all in capitals is a role', 'alice ALL', []],
    ['a plus opens the members of a role', 'alice +ops', ['members of ops']],
    ['a plus may be before a quote', 'alice +"my ops"', ['members of my ops']],
    ['a plus in quotes is of a role', 'alice "+ops"', []],
    ['a slash opens what matches', 'alice /^app_', ['/^app_']],
    ['a slash does in quotes too', 'alice "/^app (a|b)$"', ['/^app (a|b)$']],
    ['a plus before a slash is of a role with a slash', 'alice +/ops', ['members of /ops']],
    ['is for those that an expression matches', '/^ali all', ['any role']],
    ['is for nobody else', '/^bob all', []],
    ['has no \\1 in an expression', String.raw`/^(ali)ce$ "/^(\\1)$"`, [String.raw`/^(\\1)$`]],
  ])('%s', (_, line, rules) => {
    expect(openedBy(`${issuer} ${line}`, 'alice')).toEqual(rules)
  })

  test.each(['all', '+ops', '/app', '@file', 'a,b', '\\1', '#', '"'])(
    'means a role of the name %s where a principal is filled in',
    (name) => {
      const text = String.raw`${issuer} /^(.*)$ \1`
      expect(usersOf(text, name)).toEqual([name])
      expect(openedBy(text, name)).toEqual([])
    },
  )

  test('opens what several lines open, in their order', () => {
    const text = ['app', '+ops', 'all', '/x', '+dba'].map((role) => `${issuer} alice ${role}`)
    expect(openedBy(text.join('\n'), 'alice')).toEqual([
      'members of ops',
      'any role',
      '/x',
      'members of dba',
    ])
    expect(usersOf(text.join('\n'), 'alice')).toEqual(['app'])
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
  const quotes = 'unterminated quote'
  const comma = 'a field takes one value; quote a comma'
  const file = 'a field that begins with @ would be a file, which is not supported; quote it'
  test.each([
    [issuer, fields],
    [`${issuer} alice`, fields],
    [`${issuer} alice app more`, fields],
    [`${issuer} alice # app`, fields],
    [`${issuer} alice "app`, quotes],
    [`${issuer} al"ice app`, quotes],
    [`${issuer} alice "app""`, quotes],
    [`${issuer} alice "app \\\n# "" end`, quotes],
    [`${issuer} alice app,ops`, comma],
    [`${issuer} alice app, ops`, comma],
    [`${issuer} /^a{1,2}$ app`, comma],
    [`${issuer} alice @roles`, file],
    [`${issuer} @"my people" app`, file],
    [`@issuers alice app`, file],
    ['include more.conf', '"include" is not supported; write its lines here'],
    ['"include" more.conf', '"include" is not supported; write its lines here'],
    ['include_if_exists x', '"include_if_exists" is not supported; write its lines here'],
    ['include_dir d # all', '"include_dir" is not supported; write its lines here'],
    [`${issuer} alice +`, '"+" is to be followed by the name of a role'],
    [String.raw`${issuer} /^(.*)$ +\1`, String.raw`\1 is not filled in behind "+"; quote the role`],
    [String.raw`${issuer} alice \1`, String.raw`\1 needs a regular expression in the second field`],
    [
      String.raw`${issuer} /^.*$ \1`,
      String.raw`\1 is used, and the regular expression has no parentheses`,
    ],
  ])('is told with its line: %s', (line, message) => {
    expect(problemsOf(line)).toEqual([{ line: 1, message }])
    expect(problemsOf(`# comment\n\n${line}\n${issuer} bob ops`)).toEqual([{ line: 3, message }])
    expect(problemsOf(`# a\\\n comment\n${line}`)).toEqual([{ line: 3, message }])
  })

  test.each(['/(', '/[', '/(?=x)', String.raw`/(.)\1`, '/a**'])(
    'is told of an expression that RE2 has not: %s',
    (expression) => {
      const invalid = expect.stringMatching(/^invalid regular expression: ./) as unknown
      const problems = [{ line: 2, message: invalid }]
      expect(problemsOf(`\n${issuer} ${expression} app`)).toEqual(problems)
      expect(problemsOf(`\n${issuer} alice ${expression}`)).toEqual(problems)
    },
  )

  test.each(['"/((a{1,30}){1,30})"', '/(.*a){200}'])(
    'is told of an expression that would take long: %s',
    (expression) => {
      expect(problemsOf(`\n${issuer} ${expression} app`)).toEqual([
        { line: 2, message: expect.stringMatching(/^too large a regular expression: /) as unknown },
      ])
    },
  )

  test.each(['  ', '\t', ' # comment'])('is not what stands behind a line: %j', (rest) => {
    const { map, problems } = parseIdentityMap(`  ${issuer} alice app${rest}`)
    expect(problems).toEqual([])
    expect(mapPrincipal(map, issuer, 'alice')).toMatchObject({ users: ['app'] })
  })

  test('is not an expression of five hundred instructions, but is one of more', () => {
    expect(problemsOf(`${issuer} /a{498} app`)).toEqual([])
    expect(problemsOf(`${issuer} /a{499} app`)).toHaveLength(1)
  })

  test('is not that a role has a sign within its name', () => {
    const { map, problems } = parseIdentityMap(`${issuer} alice a+b/c`)
    expect(problems).toEqual([])
    expect(mapPrincipal(map, issuer, 'alice')).toMatchObject({ users: ['a+b/c'] })
  })

  test('does not hide the others, and the lines without one are read', () => {
    const { map, problems } = parseIdentityMap(`${issuer}\n${issuer} alice app\n${issuer} b c d`)
    expect(problems.map(({ line }) => line)).toEqual([1, 3])
    expect(mapPrincipal(map, issuer, 'alice')).toMatchObject({ users: ['app'] })
  })
})
