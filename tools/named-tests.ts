// The tables of docs/security.md name tests: each of them has to be there.
import { isNameOf, type TestTitle } from './test-titles.ts'

/** What is wrong with the last column of each table that is headed `test` or `tests`. */
export function missingTests(page: string, titles: readonly TestTitle[]): readonly string[] {
  const problems: string[] = []
  let isNaming = false
  let rows = 0
  for (const [index, line] of page.split('\n').entries()) {
    const cells = cellsOf(line)
    const last = cells?.at(-1) ?? ''
    if (cells === undefined) isNaming = false
    else if (/^tests?$/i.test(last)) isNaming = true
    else if (isNaming && !/^:?-+:?$/.test(last)) {
      rows++
      const names = namesIn(last, titles)
      const unknown = names.filter((name) => !titles.some((title) => isNameOf(name, title)))
      if (names.length === 0) problems.push(`line ${index + 1}: no test is named`)
      for (const name of unknown) problems.push(`line ${index + 1}: there is no test "${name}"`)
    }
  }
  return rows === 0 ? ['no table names a test'] : problems
}

function cellsOf(line: string): readonly string[] | undefined {
  if (!line.startsWith('|')) return undefined
  const cells = line
    .trim()
    .replace(/^\|/, '')
    .replace(/\|$/, '')
    .split(/(?<!\\)\|/)
  return cells.map((cell) => cell.trim().replaceAll('\\|', '|'))
}

/** Names stand between `<br>`, or between semicolons where none has one itself. */
function namesIn(cell: string, titles: readonly TestTitle[]): readonly string[] {
  return cell
    .split('<br>')
    .map(bare)
    .flatMap((name) =>
      titles.some((title) => isNameOf(name, title)) ? [name] : name.split(';').map(bare),
    )
    .filter((name) => name !== '')
}

function bare(name: string): string {
  return name.trim().replace(/^`(.*)`$/, '$1')
}
