// Changes of the text of a configuration: whatever it looks like, it says what it is to say, and comments stay.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readTree } from '../../src/config/read-tree.ts'
import { EditRefused } from '../../src/config/edit/edit-refused.ts'
import { editText } from '../../src/config/edit/edit-text.ts'
import {
  applyToTree,
  readWritten,
  type Written,
  type WrittenEdit,
  type WrittenMap,
  type WrittenPath,
} from '../../src/config/edit/written.ts'

const keys = fc.constantFrom(
  ...['a', 'b', 'c', 'd_1', 'true', '12', 'has blank', 'x.y', 'q:"', 'ü'],
)

const texts = fc.oneof(
  fc.constantFrom(
    ...[
      'plain',
      'https://a.example/x',
      'no',
      '012',
      '1e3',
      '10.0.0.0/8',
      '# none',
      'a: b',
      '- a',
      '*x',
      '&x',
      '!t',
    ],
    ...[
      '${file:/x}',
      '$${x}',
      '{a}',
      '[b',
      'a\nb\n',
      'a\n  b\nc',
      ' lead',
      'trail ',
      'tab\there',
      "it's",
      'say "x"',
    ],
    ...[
      '\n',
      'a\r\nb',
      '\u2028',
      'a\n\n',
      '^(.*)@example\\.com$',
      '',
      '~',
      'null',
      '---',
      '%x',
      '10m',
      'a #b',
    ],
  ),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 6 }).map((text) => text.replaceAll(/\p{Cs}/gu, '?')),
)

const scalars: fc.Arbitrary<Written> = fc.oneof(
  texts,
  fc.integer({ min: -1000, max: 100_000 }),
  fc.constantFrom(1.5, 1e21, true, false, null),
)

const { tree } = fc.letrec<{ tree: WrittenMap; value: Written }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalars,
    fc.array(tie('value'), { maxLength: 3 }),
    tie('tree'),
  ),
  tree: fc.dictionary(keys, tie('value'), { maxKeys: 4, noNullPrototype: true }),
}))

/** A text of a tree, with comments that each name the place that they are about. */
function write(value: WrittenMap, random: () => number): string {
  const eol = random() < 0.2 ? '\r\n' : '\n'
  const step = random() < 0.7 ? 2 : 4
  const listStep = random() < 0.5 ? 0 : step
  let count = 0
  const comment = (path: WrittenPath, chance = 0.3): string =>
    random() < chance ? `# ${count++} ${JSON.stringify(path).replaceAll(/[^\x20-\x7e]/g, '?')}` : ''
  const scalar = (one: Written): string => {
    if (typeof one !== 'string') return one === null && random() < 0.3 ? '~' : JSON.stringify(one)
    if (/^[a-z]+$/.test(one) && !/^(true|false|null|no)$/.test(one)) return one
    if (/^[\x20-\x7e]*$/.test(one) && random() < 0.5) return `'${one.replaceAll("'", "''")}'`
    return JSON.stringify(one).replaceAll(
      /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
  }
  const flow = (one: Written): string => {
    const pad = random() < 0.5 ? ' ' : ''
    if (Array.isArray(one)) return `[${pad}${one.map(flow).join(', ')}${one.length > 0 ? pad : ''}]`
    if (typeof one !== 'object' || one === null) return scalar(one)
    const pairs = Object.entries(one).map(([k, v]) => `${JSON.stringify(k)}: ${flow(v)}`)
    return `{${pad}${pairs.join(`,${pad}`)}${random() < 0.2 && pairs.length > 0 ? ',' : ''}${pad}}`
  }
  const isCollection = (one: Written): boolean =>
    typeof one === 'object' && one !== null && Object.keys(one).length > 0
  const block = (one: Written, column: number, path: WrittenPath): string[] => {
    const pad = ' '.repeat(column)
    const lines: string[] = []
    const entries: [string | number, string, Written][] = Array.isArray(one)
      ? one.map((v: Written, i) => [i, '-', v])
      : Object.entries(one as WrittenMap).map(([k, v]) => [
          k,
          `${/^[a-z_]+$/.test(k) && k !== 'true' ? k : JSON.stringify(k)}:`,
          v,
        ])
    for (const [step_, mark, inside] of entries) {
      const at = [...path, step_]
      if (random() < 0.1) lines.push('')
      const above = comment(at, 0.15)
      if (above !== '') lines.push(pad + above)
      const behind = comment(at, 0.15)
      const tail = behind === '' ? '' : ` ${behind}`
      if (isCollection(inside) && random() < 0.75) {
        const by = Array.isArray(one) ? 2 : Array.isArray(inside) ? listStep : step
        const nested = block(inside, column + by, at)
        const [head = ''] = nested
        if (
          Array.isArray(one) &&
          behind === '' &&
          head.trim() !== '' &&
          !head.trim().startsWith('#') &&
          random() < 0.8
        )
          lines.push(`${pad}- ${head.trimStart()}`, ...nested.slice(1))
        else lines.push(`${pad}${mark}${tail}`, ...nested)
      } else if (
        typeof inside === 'string' &&
        /^[a-z][ -~\n]*[^\s]\n$/.test(inside) &&
        random() < 0.8
      ) {
        const body = inside.slice(0, -1).split('\n')
        lines.push(
          `${pad}${mark} |${tail}`,
          ...body.map((l) => (l === '' ? '' : `${pad}${' '.repeat(step)}${l}`)),
        )
      } else if (inside === null && random() < 0.5) lines.push(`${pad}${mark}${tail}`)
      else lines.push(`${pad}${mark} ${flow(inside)}${tail}`)
    }
    return lines
  }
  const body =
    Object.keys(value).length === 0 ? (random() < 0.5 ? ['{}'] : []) : block(value, 0, [])
  const lines = [...(random() < 0.5 ? ['# 900 []', ''] : []), ...body]
  return lines.join(eol) + (random() < 0.8 ? eol : '')
}

function pathsOf(value: Written, path: WrittenPath = []): WrittenPath[] {
  if (typeof value !== 'object' || value === null) return path.length > 0 ? [path] : []
  const own = path.length > 0 ? [path] : []
  const inside: [string | number, Written][] = Array.isArray(value)
    ? value.map((one: Written, index) => [index, one])
    : Object.entries(value as WrittenMap)
  const appended = Array.isArray(value)
    ? [[...path, value.length]]
    : [
        [...path, 'new'],
        [...path, 'new', 'er'],
      ]
  return [...own, ...appended, ...inside.flatMap(([step, one]) => pathsOf(one, [...path, step]))]
}

const commentsOf = (text: string): string[] => text.match(/# \d+ .*?(?=\r?$)/gm) ?? []

test('a changed text says what the changed tree is, and the rest of it is untouched', () => {
  let refused = 0
  let done = 0
  fc.assert(
    fc.property(
      tree,
      fc.array(
        fc.tuple(
          fc.nat(),
          fc.option(
            scalars.chain((one) =>
              fc.oneof(fc.constant(one), tree, fc.array(scalars, { maxLength: 3 })),
            ),
          ),
          fc.boolean(),
        ),
        {
          minLength: 1,
          maxLength: 3,
        },
      ),
      fc.infiniteStream(fc.noBias(fc.integer({ min: 0, max: 999 }).map((one) => one / 1_000))),
      (value, wishes, stream) => {
        const text = write(value, () => stream.next().value as number)
        expect(readWritten(text)).toEqual(value)
        let wanted = value
        const edits: WrittenEdit[] = []
        for (const [which, inside, isWritten] of wishes) {
          const paths = pathsOf(wanted)
          const path = paths[which % Math.max(paths.length, 1)] ?? ['new']
          const edit: WrittenEdit =
            inside === null
              ? { kind: 'remove', path }
              : { kind: 'set', path, value: inside, isWritten }
          try {
            wanted = applyToTree(wanted, edit)
            edits.push(edit)
          } catch (error) {
            if (!(error instanceof EditRefused)) throw error
          }
        }
        let edited
        try {
          edited = editText(text, edits)
        } catch (error) {
          if (!(error instanceof EditRefused)) throw error
          refused++
          return
        }
        done++
        expect(readWritten(edited.text)).toEqual(wanted)
        const touched = edits.map(({ path }) => path)
        const left = new Set(commentsOf(edited.text))
        for (const one of commentsOf(text)) {
          const about = JSON.parse(one.replace(/^# \d+ /, '').replaceAll('?', '?')) as WrittenPath
          const isConcerned = touched.some((path) => isWithin(about, path))
          if (!isConcerned)
            expect(
              left,
              `${one} in ${JSON.stringify(text)} by ${JSON.stringify(edits)} -> ${JSON.stringify(edited.text)}`,
            ).toContain(one)
        }
        if (text.includes('\r\n')) expect(edited.text.replaceAll('\r\n', '')).not.toContain('\n')
      },
    ),
    { numRuns: Number(process.env['RUNS'] ?? 2_000) },
  )
  expect(refused).toBeLessThan(done / 20)
})

test('text that is meant literally is read as it is', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[$\{}a:]{0,12}$/), (text) => {
      const { text: edited } = editText('a: 1\n', [{ kind: 'set', path: ['b'], value: text }])
      const sources = { environment: {}, folder: '/' }
      expect(readTree(edited, sources)).toMatchObject({ value: { a: 1, b: text }, problems: [] })
    }),
  )
})

/** Of lists, what comes behind the place too: places move there. */
function isWithin(about: WrittenPath, path: WrittenPath): boolean {
  return path.every((step, index) => {
    const at = about[index]
    if (typeof step === 'number' && typeof at === 'number') return at >= step
    return (
      at === step ||
      String(at).replaceAll(/[^\x20-\x7e]/g, '?') === String(step).replaceAll(/[^\x20-\x7e]/g, '?')
    )
  })
}
