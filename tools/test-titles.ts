// The titles of all tests, read from their source: no test file is run for them.
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import ts from 'typescript'
import { root } from './run.ts'

export interface TestTitle {
  readonly file: string
  readonly source: string
  /** The title of each enclosing `describe`, then the test's own, as they are written. */
  readonly path: readonly string[]
}

export async function readTestTitles(): Promise<readonly TestTitle[]> {
  const titles: TestTitle[] = []
  for await (const file of glob('test/**/*.test.ts', { cwd: root })) {
    const source = await readFile(join(root, file), 'utf8')
    const parsed = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true)
    collect(parsed, [], (path) => titles.push({ file, source, path }))
  }
  return titles
}

function collect(
  node: ts.Node,
  path: readonly string[],
  found: (path: readonly string[]) => void,
): void {
  let inner = path
  if (ts.isCallExpression(node)) {
    const kind = kindOf(node.expression)
    const title = kind === undefined ? undefined : textOf(node.arguments[0])
    if (title !== undefined) inner = [...path, title]
    if (title !== undefined && kind === 'test') found(inner)
  }
  node.forEachChild((child) => {
    collect(child, inner, found)
  })
}

/** `test`, `test.each(...)`, `test.runIf(...)` and so on are all called with a title in the end. */
function kindOf(callee: ts.Expression): 'test' | 'describe' | undefined {
  if (ts.isCallExpression(callee) || ts.isPropertyAccessExpression(callee)) {
    return kindOf(callee.expression)
  }
  if (!ts.isIdentifier(callee)) return undefined
  return callee.text === 'test' || callee.text === 'describe' ? callee.text : undefined
}

function textOf(argument: ts.Expression | undefined): string | undefined {
  if (argument === undefined) return undefined
  if (ts.isStringLiteralLike(argument)) return argument.text
  if (!ts.isTemplateExpression(argument)) return undefined
  const parts = argument.templateSpans.map(({ literal }) => `$x${literal.text}`)
  return argument.head.text + parts.join('')
}

/** What vitest fills in: printf's, a property of the row, or a position. */
const placeholder = /%(?:\.\d+)?[sdifjoOpc]|%#|\$[A-Za-z_][\w.]*/

/**
 * Whether a name is that of a test: its title, or with titles of what it is in before it. A row of a table
 * may be named by what vitest makes of it, as long as its values are written in the test's file.
 */
export function isNameOf(name: string, { path, source }: TestTitle): boolean {
  return path.some((_, start) =>
    [' > ', ' '].some((separator) => {
      const title = path.slice(start).join(separator)
      if (title === name) return true
      const fixed = title.split(placeholder)
      if (fixed.length === 1) return false
      const values = new RegExp(`^${fixed.map(escaped).join('(.+?)')}$`, 's').exec(name)?.slice(1)
      return values?.every((value) => isWritten(value, source)) ?? false
    }),
  )
}

function isWritten(value: string, source: string): boolean {
  const bare = value.replaceAll(/^["']|["']$/g, '')
  return bare !== '' && source.includes(bare)
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}
