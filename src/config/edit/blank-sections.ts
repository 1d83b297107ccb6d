import { isMap, isScalar, LineCounter, parseDocument } from 'yaml'

/**
 * The text with the lines of some of its top-level keys empty: what is left is on the line that it was on.
 * Undefined where keys do not begin lines of their own, as in `{ ... }`.
 */
export function blankSections(
  text: string,
  isSection: (name: string) => boolean,
): string | undefined {
  const counter = new LineCounter()
  const { contents, errors } = parseDocument(text, {
    lineCounter: counter,
    schema: 'core',
    stringKeys: true,
    prettyErrors: false,
    logLevel: 'error',
  })
  if (errors.length > 0) return undefined
  if (contents === null) return text
  if (!isMap(contents) || contents.flow === true) return undefined
  const keys = contents.items.map(({ key }) => ({
    name: isScalar(key) ? String(key.value) : '',
    line: isScalar(key) ? counter.linePos(key.range[0]).line : 0,
  }))
  const lines = text.split('\n')
  for (const [index, { name, line }] of keys.entries()) {
    const next = keys[index + 1]?.line ?? lines.length + 1
    if (line === 0 || next <= line) return undefined
    if (isSection(name)) for (let at = line; at < next; at++) lines[at - 1] = ''
  }
  return lines.join('\n')
}
