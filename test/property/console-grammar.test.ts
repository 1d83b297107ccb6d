import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaultLimits } from '../../src/admin/grammar/limits.ts'
import { parseStatements } from '../../src/admin/grammar/parse.ts'
import { printStatement } from '../../src/admin/grammar/print.ts'
import { type Privilege, privileges } from '../../src/admin/grammar/privileges.ts'
import {
  clusterSettings,
  databaseProperties,
  groupProperties,
  integrationProperties,
  participantProperties,
  poolProperties,
} from '../../src/admin/grammar/properties.ts'
import type { Properties, Property, PropertyKind } from '../../src/admin/grammar/property.ts'
import { criterionWords } from '../../src/admin/grammar/read-governance.ts'
import { selectFunctions } from '../../src/admin/grammar/read-select.ts'
import { isSecretName } from '../../src/admin/grammar/read-value.ts'
import { reference } from '../../src/admin/grammar/reference.ts'
import { Secret } from '../../src/admin/grammar/secret.ts'
import { type ShowTopic, shownParameters, showTopics } from '../../src/admin/grammar/show-topics.ts'
import { StatementError } from '../../src/admin/grammar/statement-error.ts'
import type {
  Count,
  ObjectKind,
  Participant,
  Statement,
  TransactionMode,
} from '../../src/admin/grammar/statement.ts'
import type { Assignment, Text, Value } from '../../src/admin/grammar/value.ts'
import { masked } from '../unit/admin/masked.ts'

// Any text that PostgreSQL could send us: no NUL, no half of a pair.
const words = fc.constantFrom(
  'null',
  'true',
  'session',
  'SSO',
  'if',
  'e',
  'u',
  "it's",
  '$$',
  '--',
  '',
)
const text = fc
  .oneof(words, fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }))
  .map((value) => value.replaceAll('\0', ''))
const name = text.filter((value) => value !== '')
const dotted = name.map((value) => value.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase()))
const parameter = fc.integer({ min: 1, max: 65_535 })

const placeholder = (of: 'text' | 'count' | 'secret') =>
  parameter.map((number) => ({ kind: 'placeholder', number, of }) as const)

const string = text.map((value) => ({ kind: 'string', value }) as const)
const textOrParameter: fc.Arbitrary<Text> = fc.oneof(string, placeholder('text'))
const count: fc.Arbitrary<Count> = fc.oneof(
  fc.maxSafeNat().map((value) => ({ kind: 'number', value }) as const),
  placeholder('count'),
)
const number = fc
  .oneof(fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true }))
  .filter((value) => !Number.isInteger(value) || Number.isSafeInteger(value))
  .map((value) => ({ kind: 'number', value: value + 0 }) as const)
const secret = text.map((value) => ({ kind: 'secret', secret: new Secret(value) }) as const)

const anyProperty: Property = { kinds: ['text', 'number', 'boolean', 'list', 'map'], is: 'value' }

function valueOf(property: Property, depth = 0): fc.Arbitrary<Value> {
  if (property.isSecret === true) return fc.oneof(secret, placeholder('secret'))
  const kinds = property.kinds.filter((kind) => depth < 3 || (kind !== 'list' && kind !== 'map'))
  const arbitraries = kinds.map((kind) => valueOfKind(kind, property, depth))
  return fc.oneof(placeholder('text'), ...arbitraries)
}

function valueOfKind(kind: PropertyKind, property: Property, depth: number): fc.Arbitrary<Value> {
  switch (kind) {
    case 'text':
      return property.words === undefined
        ? string
        : fc.constantFrom(...property.words).map((value) => ({ kind: 'string', value }) as const)
    case 'number':
      return number
    case 'boolean':
      return fc.boolean().map((value) => ({ kind: 'boolean', value }) as const)
    case 'list':
      return fc
        .array(valueOf(property.items ?? anyProperty, depth + 1), { maxLength: 3 })
        .map((items) => ({ kind: 'list', items }) as const)
    case 'map': {
      const { entries } = property
      const entry =
        entries === undefined
          ? fc.tuple(text, valueOf(property.each ?? anyProperty, depth + 1))
          : entryOf(entries, depth + 1)
      return fc
        .uniqueArray(entry, { maxLength: 3, selector: ([key]) => key })
        .map(
          (all) => ({ kind: 'map', entries: all.map(([key, value]) => ({ key, value })) }) as const,
        )
    }
  }
}

function entryOf(table: Properties, depth: number): fc.Arbitrary<[string, Value]> {
  return fc.oneof(
    ...Object.entries(table).map(([key, property]) =>
      fc.tuple(fc.constant(key), valueOf(property, depth)),
    ),
  )
}

function assignmentsOf(table: Properties, minLength = 0): fc.Arbitrary<Assignment[]> {
  return fc
    .uniqueArray(entryOf(table, 0), { minLength, maxLength: 4, selector: ([key]) => key })
    .map((all) => all.map(([key, value]) => ({ name: key, value })))
}

const tables: Readonly<Record<ObjectKind, Properties>> = {
  database: databaseProperties,
  group: groupProperties,
  'sso integration': integrationProperties,
  connectivity_pool: poolProperties,
}
const objects = fc.constantFrom(...(Object.keys(tables) as ObjectKind[]))
const participant: fc.Arbitrary<Participant> = fc.record({
  node: name,
  properties: assignmentsOf(participantProperties),
})
const criteria = fc.uniqueArray(
  fc.record({ name: fc.constantFrom(...Object.values(criterionWords)), value: textOrParameter }),
  { minLength: 1, maxLength: 4, selector: (criterion) => criterion.name },
)
const names = fc.array(name, { minLength: 1, maxLength: 3 })
const modes = (minLength: number): fc.Arbitrary<TransactionMode[]> =>
  fc.array(
    fc.constantFrom<TransactionMode[]>(
      'ISOLATION LEVEL SERIALIZABLE',
      'ISOLATION LEVEL REPEATABLE READ',
      'ISOLATION LEVEL READ COMMITTED',
      'ISOLATION LEVEL READ UNCOMMITTED',
      'READ WRITE',
      'READ ONLY',
      'DEFERRABLE',
      'NOT DEFERRABLE',
    ),
    { minLength, maxLength: 3 },
  )

const literal = fc.oneof(
  string,
  number,
  placeholder('text'),
  fc.boolean().map((value) => ({ kind: 'boolean', value }) as const),
  fc.constant({ kind: 'null' } as const),
)
const expression = fc.oneof(
  literal,
  fc.record({
    kind: fc.constant('call' as const),
    function: fc.constantFrom(...selectFunctions),
    arguments: fc.array(literal, { maxLength: 2 }),
  }),
)

type OfKind<K extends Statement['kind']> = fc.Arbitrary<Extract<Statement, { readonly kind: K }>>

const one = <K extends string>(...kinds: readonly K[]): fc.Arbitrary<K> => fc.constantFrom(...kinds)
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined })

/** One for each kind: the compiler misses none. */
const byKind: { readonly [K in Statement['kind']]: OfKind<K> | fc.Arbitrary<Statement> } = {
  create: one('database', 'group', 'sso integration').chain((object) =>
    fc.record({
      kind: one('create'),
      object: fc.constant(object),
      name,
      ifNotExists: fc.boolean(),
      properties: assignmentsOf(tables[object]),
    }),
  ),
  'create pool': fc.record({
    kind: one('create pool'),
    name,
    ifNotExists: fc.boolean(),
    properties: assignmentsOf(poolProperties),
    participants: fc.array(participant, { maxLength: 2 }),
  }),
  'set properties': objects.chain((object) =>
    fc.record({
      kind: one('set properties'),
      object: fc.constant(object),
      name,
      ifExists: fc.boolean(),
      properties: assignmentsOf(tables[object], 1),
    }),
  ),
  'reset properties': objects.chain((object) =>
    fc.record({
      kind: one('reset properties'),
      object: fc.constant(object),
      name,
      ifExists: fc.boolean(),
      properties: fc.subarray(Object.keys(tables[object]), { minLength: 1 }),
    }),
  ),
  drop: fc.record({ kind: one('drop'), object: objects, name, ifExists: fc.boolean() }),
  'set integration': fc.record({ kind: one('set integration'), database: name, integration: name }),
  'assign integration': fc.record({
    kind: one('assign integration'),
    database: name,
    integration: name,
  }),
  'remove integration': fc.record({
    kind: one('remove integration'),
    database: name,
    integration: maybe(name),
  }),
  'add participant': fc.record({ kind: one('add participant'), pool: name, participant }),
  'drop participant': fc.record({ kind: one('drop participant'), pool: name, participant }),
  'alter participant': fc.record({
    kind: one('alter participant'),
    pool: name,
    participant,
    changes: assignmentsOf(participantProperties, 1),
  }),
  grant: granting('grant'),
  revoke: granting('revoke'),
  'set cluster setting': fc
    .constantFrom(...Object.entries(clusterSettings))
    .chain(([setting, property]) =>
      fc.record({
        kind: one('set cluster setting'),
        name: fc.constant(setting),
        value: valueOf(property),
      }),
    ),
  'reset cluster setting': setting('reset cluster setting'),
  'show cluster setting': setting('show cluster setting'),
  'show cluster settings': fc.constant({ kind: 'show cluster settings' }),
  show: fc.record({
    kind: one('show'),
    topic: fc.constantFrom(...(Object.keys(showTopics) as ShowTopic[])),
    limit: maybe(count),
  }),
  'show create': fc.record({ kind: one('show create'), object: objects, name }),
  'show create all': fc.constant({ kind: 'show create all' }),
  'show parameter': fc.record({
    kind: one('show parameter'),
    name: fc.constantFrom('all', ...shownParameters),
  }),
  'kill sessions': fc.record({ kind: one('kill sessions'), criteria }),
  'revoke sessions': fc.record({
    kind: one('revoke sessions'),
    criteria,
    until: textOrParameter,
  }),
  'restore sessions': fc.record({ kind: one('restore sessions'), criteria }),
  'explain login': fc.record({
    kind: one('explain login'),
    credential: fc.oneof(
      fc.record({ kind: one('token'), token: fc.oneof(secret, placeholder('secret')) }),
      fc.record({ kind: one('claims'), claims: textOrParameter }),
    ),
    integration: maybe(textOrParameter),
    user: maybe(textOrParameter),
    database: maybe(textOrParameter),
    pool: maybe(textOrParameter),
    from: maybe(textOrParameter),
  }),
  'rollback catalog': fc.record({ kind: one('rollback catalog'), version: count }),
  pause: ofDatabase('pause'),
  resume: ofDatabase('resume'),
  reconnect: ofDatabase('reconnect'),
  kill: ofDatabase('kill'),
  'wait close': ofDatabase('wait close'),
  enable: fc.record({ kind: one('enable'), database: name }),
  disable: fc.record({ kind: one('disable'), database: name }),
  'kill client': fc.record({ kind: one('kill client'), id: count }),
  suspend: fc.constant({ kind: 'suspend' }),
  reload: fc.constant({ kind: 'reload' }),
  shutdown: fc.record({
    kind: one('shutdown'),
    waits: one('no', 'for servers', 'for clients'),
  }),
  select: fc.record({
    kind: one('select'),
    items: fc.array(fc.record({ expression, type: maybe(dotted), alias: maybe(name) }), {
      minLength: 1,
      maxLength: 3,
    }),
  }),
  'set parameter': dotted.chain((parameterName) =>
    fc.record({
      kind: one('set parameter'),
      scope: one('session', 'local'),
      name: fc.constant(parameterName),
      values: fc.array<Value>(
        isSecretName(parameterName)
          ? fc.oneof(secret, placeholder('secret'))
          : fc.oneof(string, number, placeholder('text')),
        { minLength: 1, maxLength: 3 },
      ),
    }),
  ),
  'reset parameter': fc.record({ kind: one('reset parameter'), name: dotted }),
  begin: fc.record({ kind: one('begin'), modes: modes(0) }),
  commit: fc.record({ kind: one('commit'), chain: fc.boolean() }),
  rollback: fc.record({ kind: one('rollback'), chain: fc.boolean() }),
  'set transaction': fc.record({
    kind: one('set transaction'),
    scope: one('transaction', 'session'),
    modes: modes(1),
  }),
  deallocate: fc.record({ kind: one('deallocate'), name: maybe(name) }),
  discard: fc.record({
    kind: one('discard'),
    what: one('all', 'plans', 'sequences', 'temp'),
  }),
  'unlisten all': fc.constant({ kind: 'unlisten all' }),
  'close all': fc.constant({ kind: 'close all' }),
}

function granting(kind: 'grant' | 'revoke'): fc.Arbitrary<Statement> {
  return fc.record({
    kind: fc.constant(kind),
    privileges: fc.subarray(Object.keys(privileges) as Privilege[], { minLength: 1 }),
    databases: names,
    groups: names,
  })
}

function setting(kind: 'reset cluster setting' | 'show cluster setting'): fc.Arbitrary<Statement> {
  return fc.record({
    kind: fc.constant(kind),
    name: fc.constantFrom(...Object.keys(clusterSettings)),
  })
}

function ofDatabase(
  kind: 'pause' | 'resume' | 'reconnect' | 'kill' | 'wait close',
): fc.Arbitrary<Statement> {
  return fc.record({ kind: fc.constant(kind), database: maybe(name) })
}

const anyStatement: fc.Arbitrary<Statement> = fc.oneof(...Object.values(byKind))
const limits = { ...defaultLimits, maxLength: 1_000_000 }

describe('a statement reads as itself when it was printed', () => {
  test.each(Object.entries(byKind))('%s', (_, statements: fc.Arbitrary<Statement>) => {
    fc.assert(
      fc.property(statements, (statement) => {
        const parsed = parseStatements(printStatement(statement), { limits })
        expect(parsed.map((one) => masked(one.statement))).toEqual([masked(statement)])
      }),
      { numRuns: 100 },
    )
  })

  test('and several with semicolons between', () => {
    fc.assert(
      fc.property(fc.array(anyStatement, { maxLength: 4 }), (statements) => {
        const printed = statements.map(printStatement).join(';\n')
        const parsed = parseStatements(printed, { limits })
        expect(parsed.map((one) => masked(one.statement))).toEqual(statements.map(masked))
      }),
      { numRuns: 200 },
    )
  })
})

function errorOf(written: string): StatementError | undefined {
  try {
    parseStatements(written)
    return undefined
  } catch (error) {
    if (error instanceof StatementError) return error
    throw error
  }
}

const pieces = Object.values(reference).flatMap(({ examples }) =>
  examples.flatMap((example) => example.split(/(?<=[ ,'"()=])|(?=[ ,'"()=])/)),
)

describe('any text', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({
      unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    }),
    fc
      .array(fc.constantFrom(...pieces, '$1', "E'\\", '/*', '-', '😀'), { maxLength: 40 })
      .map((all) => all.join('')),
  )

  test('is read or has an error with a position, and nothing else is thrown', () => {
    fc.assert(
      fc.property(anyText, (written) => {
        const error = errorOf(written)
        if (error === undefined) return
        expect(error.position).toBeGreaterThanOrEqual(1)
        expect(error.position).toBeLessThanOrEqual(Array.from(written).length + 1)
        expect(error.hint).not.toBe('')
        expect(error.message).not.toBe('')
      }),
      { numRuns: 5_000 },
    )
  })

  test('with an unknown word at its beginning has that word, its place and what is expected', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,20}x_$/), fc.nat({ max: 20 }), (word, blanks) => {
        const error = errorOf(`${' '.repeat(blanks)}${word} 'x'`)
        expect(error).toMatchObject({ found: word, position: blanks + 1, sqlstate: '42601' })
        expect(error?.expected.length).toBeGreaterThan(10)
        expect(error?.hint).toContain('SHOW HELP')
      }),
    )
  })
})

describe('the steps are in proportion to the length:', () => {
  const longest = defaultLimits.maxLength
  test.each<[string, string, string?, string?]>([
    ['blanks', ' '],
    ['words', 'a '],
    ['one word', 'a'],
    ['semicolons', ';'],
    ['statements', 'RELOAD;'],
    ['lines of comments', '--\n'],
    ['open comments', '/*'],
    ['nested comments', '/*', '', '*/'],
    ['quotes', "'"],
    ['quotes with blanks between', "''\n", 'SELECT '],
    ['quotes with many blanks between', "''      \n      ", 'SELECT '],
    ['strings in one line', "'' ", 'SELECT '],
    ['names', '""'],
    ['escapes', '\\x', "E'"],
    ['half escapes', '\\', "E'"],
    ['Unicode escapes', '\\0061', "U&'"],
    ['strings with Unicode escapes', "U&'\\0061'\n", 'SELECT '],
    ['strings with UESCAPE', "U&'' UESCAPE "],
    ['dollars', '$'],
    ['tags', '$a$'],
    ['tags that never close', '$a$ $b$ '],
    ['digits', '1'],
    ['numbers', '1.', 'SELECT '],
    ['signs', '-', 'SELECT '],
    ['brackets', '[', 'CREATE SSO INTEGRATION i jwks = '],
    ['braces', '{a = ', 'CREATE SSO INTEGRATION i jwks = '],
    ['items', 'a, ', 'CREATE SSO INTEGRATION i additional_scopes = ['],
    ['names with dots', 'a.', 'SET '],
    ['privileges', 'USE, ', 'GRANT '],
    ['modes', 'READ ONLY, ', 'BEGIN '],
    ['criteria', 'AND ROLE r ', 'KILL '],
    ['other letters', 'ä'],
    ['pairs', '😀'],
  ])('%s', (_, piece, before = '', after = '') => {
    const steps = [8, 4, 2, 1].map((part) => {
      const times = Math.floor((longest - before.length) / part / (piece + after).length)
      const meter = { steps: 0 }
      const written = before + piece.repeat(times) + after.repeat(times)
      try {
        parseStatements(written, { meter })
      } catch (error) {
        if (!(error instanceof StatementError)) throw error
      }
      expect(meter.steps).toBeLessThan(60 * written.length + 1_000)
      return meter.steps
    })
    // Twice the text takes no more than twice the steps, but for what is the same for each text.
    for (const [at, more] of steps.slice(1).entries()) {
      expect(more).toBeLessThanOrEqual(2.1 * steps[at]! + 1_000)
    }
  })
})
