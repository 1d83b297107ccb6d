import { describe, expect, test } from 'vitest'
import { load, minimal, problemsOf } from './load.ts'

describe('a file that is no YAML', () => {
  test.each([
    ['a tab as indentation', 'tls:\n\tkey: x', /^2:1: invalid YAML: indent with spaces/],
    ['an open bracket', 'node: [a', /^1:\d+: invalid YAML: .*bracket/],
    ['an open quote', 'node: "a', /^1:\d+: invalid YAML: a quote/],
    ['wrong indentation', 'tls:\n  key: x\n certificate: y', /^3:\d+: invalid YAML/],
    ['a reserved character', 'node: @hunter2', /^1:7: invalid YAML: text with special characters/],
    ['two documents', 'node: a\n---\nnode: b', /^2:1: only one YAML document/],
    [
      'a reference in a flow mapping without quotes',
      'http: { listen_port: ${env:P} }',
      /needs quotes/,
    ],
    ['a bad escape', 'node: "\\d"', /^1:\d+: invalid YAML: unknown escape/],
  ])('because of %s is refused with the line', (_, yaml, message) => {
    const problems = problemsOf(yaml)
    expect(problems[0]).toMatch(message)
    expect(problems.join()).not.toContain('hunter2')
    expect(problems.join()).not.toContain('is required')
  })

  test.each(['node: !hunter2 x', 'node: !!binary aGk='])('uses a tag: %s', (yaml) => {
    expect(problemsOf(yaml)).toContain(
      '1:7: unknown YAML tag: text that begins with "!" needs quotes',
    )
  })

  test('does not end the process however deep it is nested', () => {
    expect(problemsOf('['.repeat(200_000))[0]).toMatch(/invalid YAML/)
    expect(problemsOf('- '.repeat(200_000))[0]).toMatch(/invalid YAML/)
  })
})

test('an unreadable file is one problem', () => {
  expect(problemsOf(new Uint8Array([0x61, 0xff]))).toEqual(['1:1: is not valid UTF-8'])
  expect(problemsOf(`#${'x'.repeat(1024 * 1024)}`)).toEqual(['1:1: is longer than 1024 KiB'])
})

test('an empty file lacks what is required', () => {
  expect(problemsOf('')).toEqual(['1:1: tls: is required'])
})

test.each(['[]', 'text', '42'])('%s is no configuration', (yaml) => {
  expect(problemsOf(yaml)).toEqual(['1:1: must be a mapping of keys to values'])
})

test('a duplicate key is a problem beside the others', () => {
  expect(problemsOf(`${minimal}node: gw1\nlog: { level: loud }\n`)).toEqual([
    '7:1: node: duplicate key: this mapping already has it',
    '8:15: log.level: must be one of "debug", "info", "warn", "error"',
  ])
})

test('__proto__ names nothing', () => {
  expect(problemsOf(`${minimal}groups:\n  __proto__: { role: x }\n`)).toEqual([
    '8:3: groups.__proto__: may not be used as a name',
  ])
})

describe('an alias', () => {
  test('needs an anchor', () => {
    expect(problemsOf(`${minimal}identity_map: *hunter2\n`)).toEqual([
      '7:15: identity_map: invalid YAML: "*" begins an alias and there is no such anchor; text that begins with "*" needs quotes',
    ])
  })

  test('stands for what its anchor holds', () => {
    const { config } = load(`${minimal}groups: { a: &a { role: x }, b: *a }\n`)
    expect(config.groups).toEqual({
      a: { role: 'x', rank: 0, allow_superuser: false },
      b: { role: 'x', rank: 0, allow_superuser: false },
    })
  })

  test('may not stand for billions of values', () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const items =
        level === 0
          ? 'x'
          : Array(10)
              .fill(`*l${level - 1}`)
              .join(', ')
      return `l${level}: &l${level} [${items}]\n`
    })
    expect(problemsOf(minimal + levels.join('')).join('\n')).toContain(
      'too many aliases: at most 100 are followed',
    )
  })

  test('may not stand inside its own anchor', () => {
    expect(problemsOf(`${minimal}groups: &a { a: *a }\n`)).toContain(
      '7:17: groups.a: an alias may not stand inside what it refers to',
    )
  })
})

test('numbers are names where keys stand', () => {
  expect(Object.keys(load(`${minimal}groups: { 2024: { role: x } }\n`).config.groups)).toEqual([
    '2024',
  ])
})
