import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { printable, Refusal } from '../../src/refusal.ts'
import { clientFirst, readServerFirst, ScramError } from '../../src/sasl/scram.ts'
import { type ClientIntent, readIntent } from '../../src/session/client-intent.ts'

function intentOf(parameters: ReadonlyMap<string, string>): ClientIntent {
  return readIntent({ kind: 'startup', minorVersion: 0, parameters, protocolOptions: [] })
}

const ours = ['identityprovider', 'handshake', 'ssooauthflow', 'crdb:jwt_auth_enabled']

/** pg_split_opts of PostgreSQL, as its comment describes it: blanks separate, a backslash escapes. */
function splitOptions(options: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let isEscaped = false
  for (const character of options) {
    if (isEscaped) {
      word = (word ?? '') + character
      isEscaped = false
    } else if (character === '\\') {
      word ??= ''
      isEscaped = true
    } else if (' \t\n\v\f\r'.includes(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + character
  }
  if (word !== undefined) words.push(word)
  return words
}

type Option =
  | { readonly kind: 'setting'; readonly name: string; readonly value: string }
  | { readonly kind: 'other'; readonly word: string }

/** What PostgreSQL makes of the words: `-c name=value`, `-cname=value`, `--name=value`. */
function readOptions(options: string): Option[] {
  const words = splitOptions(options)
  const read: Option[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    let setting: string | undefined
    if (word === '-c') setting = words[++i]
    else if (word.startsWith('-c') || (word.startsWith('--') && word.length > 2)) {
      setting = word.slice(2)
    }
    const equals = setting?.indexOf('=') ?? -1
    if (setting === undefined || equals === -1) read.push({ kind: 'other', word: setting ?? word })
    else {
      // ParseLongOption: a hyphen in a name stands for an underscore.
      const name = setting.slice(0, equals).toLowerCase().replaceAll('-', '_')
      read.push({ kind: 'setting', name, value: setting.slice(equals + 1) })
    }
  }
  return read
}

function isOurs(option: Option): boolean {
  return option.kind === 'setting' && ours.includes(option.name)
}

const quirky = fc.constantFrom('a', 'B', '=', '-', '\\\\', '\\ ', '\\-', ':', '.', 'é', '\u00a0')
const value = fc.array(quirky, { maxLength: 5 }).map((parts) => parts.join(''))
const settingName = fc.oneof(
  fc.constantFrom(...ours, 'identityProvider', 'SSOOAUTHFLOW', 'crdb:jwt-auth-enabled', 'a', 'b.c'),
  fc.constantFrom('search_path', 'work_mem', 'identityprovider2', 'x.identityprovider'),
)
const blank = fc.constantFrom(' ', '  ', '\t', '\n', '\r', '\f', '\v')
const wellFormed = fc
  .array(
    fc.oneof(
      fc
        .tuple(fc.constantFrom('-c', '--', '-c '), settingName, value)
        .map(([prefix, name, text]) => `${prefix}${name}=${text}`),
      fc.constantFrom('-e', '-B 16', '-O'),
    ),
    { maxLength: 6 },
  )
  .chain((words) =>
    fc
      .array(blank, { minLength: words.length, maxLength: words.length })
      .map((blanks) => words.map((word, i) => word + (blanks[i] ?? ' ')).join('')),
  )
/** Anything at all, of the characters that matter; a lone backslash at the end is left out. */
const wild = fc
  .array(
    fc.oneof(
      quirky,
      blank,
      fc.constantFrom(
        '-c',
        '-c ',
        '--',
        '\\-c ',
        '-\\c',
        'identityprovider=x',
        'handshake=',
        '\\c',
      ),
    ),
    {
      maxLength: 20,
    },
  )
  .map((parts) => parts.join(''))

describe.each([
  ['of the usual form', wellFormed],
  ['of any form', wild],
])('options %s', (_, options) => {
  function rest(text: string): string {
    const parameters = new Map([
      ['user', 'alice'],
      ['options', text],
    ])
    return intentOf(parameters).parameters.get('options') ?? ''
  }

  test('never take one of our settings upstream', () => {
    fc.assert(
      fc.property(options, (text) => {
        expect(readOptions(rest(text)).filter(isOurs)).toEqual([])
      }),
      { numRuns: 1_000 },
    )
  })

  test('take all the others, in their order and with their values', () => {
    fc.assert(
      fc.property(options, (text) => {
        expect(readOptions(rest(text))).toEqual(
          readOptions(text).filter((option) => !isOurs(option)),
        )
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('any startup message', () => {
  const any = fc.string({ unit: 'binary', maxLength: 30 })
  const key = fc.oneof(
    any,
    fc.constantFrom('user', 'database', 'options', 'replication', '__proto__', ...ours),
  )
  const parameters = fc.array(fc.tuple(key, any), { maxLength: 10 }).map((pairs) => new Map(pairs))

  test('is understood, or refused for what it asks', () => {
    fc.assert(
      fc.property(parameters, (one) => {
        try {
          const intent = intentOf(one)
          expect(intent.user).not.toBe('')
          for (const name of intent.parameters.keys()) {
            expect([...ours, 'user', 'database']).not.toContain(name)
            expect(ours).not.toContain(name.toLowerCase())
          }
        } catch (error) {
          if (!(error instanceof Refusal)) throw error
          expect(['no-user', 'malformed-startup']).toContain(error.reason)
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('any server-first-message', () => {
  const first = clientFirst('abc', 'none')
  const field = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom('r=abcd', 's=c2FsdA==', 'i=4096', 'i=99999999', 'r=', 's=', 'i=', 'm=x', 'x=y'),
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(field, { maxLength: 6 }).map((fields) => fields.join(',')),
    fc.array(field, { maxLength: 3 }).map((more) => ['r=abcd,s=c2FsdA==,i=10', ...more].join(',')),
  )

  test('is read within its limits, or is a ScramError', () => {
    fc.assert(
      fc.property(text, (one) => {
        try {
          const read = readServerFirst(one, first)
          expect(read.nonce.startsWith('abc')).toBe(true)
          expect(read.iterations).toBeGreaterThan(0)
          expect(read.iterations).toBeLessThanOrEqual(1_000_000)
          expect(read.salt.length).toBeGreaterThan(0)
          expect(read.salt.length).toBeLessThanOrEqual(1_024)
        } catch (error) {
          if (!(error instanceof ScramError)) throw error
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('any value made printable', () => {
  test('is one short well-formed line without control characters', () => {
    const any = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc
        .array(fc.constantFrom('x', '\u{1f600}', '\n', '\u202e', '\ud800'), {
          minLength: 120,
          maxLength: 300,
        })
        .map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(any, (one) => {
        const shown = printable(one)
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
        expect(shown.length).toBeLessThanOrEqual(203)
        expect(shown.isWellFormed()).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })
})
