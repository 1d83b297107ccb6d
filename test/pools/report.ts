import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Result } from './judge.ts'
import type { Load } from './scene.ts'

const page = 'docs/programs.md'
const begin = '<!-- pools:begin, written by npm run test:pools -- --whole --write -->\n'
const end = '<!-- pools:end -->'

export function renderFigures(results: readonly Result[], load: Load): string {
  const head = ['pool of 20', 'connections opened', 'different tokens', 'runs of the command']
  head.push('queries', 'failed')
  const rows = results.map(({ language, connections, tokens, runs, queries, failures }) => [
    language.title,
    ...[connections, tokens, runs, queries, failures.length].map((figure) =>
      figure.toLocaleString('en'),
    ),
  ])
  const lines = [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...rows]
  return `Tokens of ${load.tokenSeconds} s, for ${load.seconds} s:

${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}`
}

/** Replaces what is between the marks of the page. */
export async function writeFigures(results: readonly Result[], load: Load): Promise<string> {
  const file = fileURLToPath(new URL(`../../${page}`, import.meta.url))
  const text = await readFile(file, 'utf8')
  const [before, rest] = text.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`${page} has no marks`)
  await writeFile(file, `${before}${begin}${renderFigures(results, load)}\n\n${end}${after}`)
  return page
}
