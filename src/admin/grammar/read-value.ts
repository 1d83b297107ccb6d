// 'text', "text", 10, true, word, ['a', 'b'], ('a', 'b'), { "k" = 'v' } and $1, as a property takes them.
import { nearestName } from '../../nearest-name.ts'
import type { Property, PropertyKind } from './property.ts'
import { listed, type Reader } from './reader.ts'
import { mask, Secret } from './secret.ts'
import { sqlstates } from './statement-error.ts'
import type { MapEntry, Placeholder, SecretValue, StringValue, Text, Value } from './value.ts'

/** Of what no table knows: whatever can be written. */
const anyProperty: Property = {
  kinds: ['text', 'number', 'boolean', 'list', 'map'],
  is: 'value',
}

const trueWords = ['true', 'on']
const falseWords = ['false', 'off']

/** The value of the property with that name. */
export function readValue(reader: Reader, name: string, property: Property, depth = 0): Value {
  const { token } = reader
  if (token.kind === 'parameter')
    return readPlaceholder(reader, property.isSecret === true ? 'secret' : 'text')
  if (property.isSecret === true) return readSecret(reader)
  if (token.kind === 'symbol') {
    if (token.value === '[' || token.value === '(') return readList(reader, name, property, depth)
    if (token.value === '{') return readMap(reader, name, property, depth)
  }
  if (token.kind === 'word') return readWord(reader, name, property, token.value)
  if (token.kind === 'string' || token.kind === 'quoted') {
    checkKind(reader, name, property, 'text')
    checkWord(reader, name, property, token.value)
    reader.advance()
    return { kind: 'string', value: token.value }
  }
  const value = readNumber(reader)
  if (value === undefined) {
    reader.expecting(`a value (${property.is})`)
    return reader.fail()
  }
  checkKind(reader, name, property, 'number')
  reader.advance()
  return { kind: 'number', value }
}

function readWord(reader: Reader, name: string, property: Property, written: string): Value {
  if (written === 'null') {
    reader.fail({
      hint: `Leave ${name} out instead of setting it to NULL; RESET takes it away from what is there.`,
      expected: [`a value (${property.is})`],
    })
  }
  const boolean = trueWords.includes(written)
    ? true
    : falseWords.includes(written)
      ? false
      : undefined
  if (boolean !== undefined && property.kinds.includes('boolean')) {
    reader.advance()
    return { kind: 'boolean', value: boolean }
  }
  checkKind(reader, name, property, 'text')
  const known = property.words?.find((word) => word.toLowerCase() === written)
  checkWord(reader, name, property, known ?? written)
  reader.advance()
  return { kind: 'string', value: known ?? written }
}

/** The number that stands here, up to its last token, which is not taken yet. */
export function readNumber(reader: Reader): number | undefined {
  const { token } = reader
  if (token.kind === 'number') return token.value
  if (token.kind !== 'symbol' || (token.value !== '-' && token.value !== '+')) return undefined
  const next = reader.peek()
  if (next.kind !== 'number') return undefined
  reader.advance()
  // There is one zero.
  return token.value === '-' ? 0 - next.value : next.value
}

function readList(reader: Reader, name: string, property: Property, depth: number): Value {
  const close = openNested(reader, name, property, 'list', depth) === '[' ? ']' : ')'
  const items: Value[] = []
  while (!reader.takeSymbol(close)) {
    if (items.length > 0) reader.needSymbol(',')
    reader.checkCount(items.length)
    items.push(readValue(reader, name, property.items ?? anyProperty, depth + 1))
  }
  return { kind: 'list', items }
}

function readMap(reader: Reader, name: string, property: Property, depth: number): Value {
  openNested(reader, name, property, 'map', depth)
  const entries: MapEntry[] = []
  const keys = new Set<string>()
  while (!reader.takeSymbol('}')) {
    if (entries.length > 0) reader.needSymbol(',')
    reader.checkCount(entries.length)
    const { key, property: inner } = readKey(reader, name, property)
    if (keys.has(key)) failTwice(reader, key)
    keys.add(key)
    reader.advance()
    if (!reader.takeSymbol('=')) reader.needSymbol(':')
    // A key that somebody chose is not repeated in an error.
    const inside = property.entries === undefined ? name : key
    entries.push({ key, value: readValue(reader, inside, inner, depth + 1) })
  }
  return { kind: 'map', entries }
}

function openNested(
  reader: Reader,
  name: string,
  property: Property,
  kind: PropertyKind,
  depth: number,
): string {
  const { token } = reader
  if (depth >= reader.limits.maxDepth) {
    reader.fail({
      message: 'lists and maps are nested too deeply',
      sqlstate: sqlstates.tooComplex,
      hint: `There may be ${reader.limits.maxDepth} within each other.`,
    })
  }
  checkKind(reader, name, property, kind)
  reader.advance()
  return token.kind === 'symbol' ? token.value : ''
}

function readKey(
  reader: Reader,
  name: string,
  property: Property,
): { readonly key: string; readonly property: Property } {
  const { token } = reader
  reader.expecting('a key')
  if (token.kind !== 'word' && token.kind !== 'quoted' && token.kind !== 'string') {
    return reader.fail()
  }
  const key = token.value
  const { entries } = property
  if (entries === undefined) return { key, property: property.each ?? anyProperty }
  if (Object.hasOwn(entries, key)) return { key, property: entries[key] ?? anyProperty }
  const names = Object.keys(entries)
  return reader.fail({
    expected: names,
    suggestion: nearestName(key, names),
    hint: unknownKey(name, key, names),
  })
}

function unknownKey(name: string, key: string, names: readonly string[]): string {
  const nearest = nearestName(key, names)
  const suggestion = nearest === undefined ? '' : `Perhaps you meant ${nearest}. `
  return `${suggestion}Keys of ${name} are ${listed(names)}.`
}

export function failTwice(reader: Reader, name: string): never {
  // A key within quotes is somebody's own, and may be anything.
  const shown = reader.token.kind === 'word' ? name : '...'
  return reader.fail({
    message: `conflicting or redundant options at or near "${shown}"`,
    hint: 'Each is given once.',
    expected: [],
  })
}

function readSecret(reader: Reader): SecretValue {
  const { token } = reader
  reader.hide()
  if (token.kind !== 'string' && token.kind !== 'quoted') {
    return reader.fail({ hint: 'A secret stands in quotes.', expected: ['a string'] })
  }
  reader.advance()
  return { kind: 'secret', secret: token.value === mask ? undefined : new Secret(token.value) }
}

function readPlaceholder(reader: Reader, of: Placeholder['of']): Placeholder {
  const { token } = reader
  reader.advance()
  return { kind: 'placeholder', number: token.kind === 'parameter' ? token.value : 0, of }
}

/** A secret that belongs to no property, such as a token. */
export function readSecretText(reader: Reader): SecretValue | Placeholder {
  return reader.token.kind === 'parameter' ? readPlaceholder(reader, 'secret') : readSecret(reader)
}

/** Text in quotes, or a parameter. Where `takesWords`, it may be a plain word. */
export function readText(reader: Reader, what: string, takesWords = false): Text {
  const { token } = reader
  if (token.kind === 'parameter') return readPlaceholder(reader, 'text')
  const isText = token.kind === 'string' || token.kind === 'quoted'
  if (!isText && !(takesWords && token.kind === 'word')) {
    reader.expecting(`${what} in quotes`)
    return reader.fail()
  }
  reader.advance()
  return { kind: 'string', value: token.value } satisfies StringValue
}

export function isSecretName(name: string): boolean {
  return /secret|password|passwd|token/.test(name)
}

function checkKind(reader: Reader, name: string, property: Property, kind: PropertyKind): void {
  if (property.kinds.includes(kind)) return
  const isOneOfList = property.kinds.includes('list') && property.kinds.length === 1
  const form = isOneOfList ? `a list: ['...', '...']` : property.is
  reader.fail({
    message: `invalid value for "${name}"`,
    sqlstate: sqlstates.invalidValue,
    hint: `The kind of ${name} is ${form}.`,
    expected: [form],
  })
}

function checkWord(reader: Reader, name: string, property: Property, value: string): void {
  const { words } = property
  if (words === undefined || words.includes(value)) return
  const nearest = nearestName(value, words)
  const suggestion = nearest === undefined ? '' : `Perhaps you meant ${nearest}. `
  reader.fail({
    message: `invalid value for "${name}"`,
    sqlstate: sqlstates.invalidValue,
    hint: `${suggestion}Values of ${name} are ${listed(words)}.`,
    expected: words,
    suggestion: nearest,
  })
}
