import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { stepNames } from './steps.ts'
import type { DriverResult } from './verdict.ts'

const page = 'docs/clients.md'
const begin = '<!-- clients:begin, written by npm run test:drivers -- --write -->\n'
const end = '<!-- clients:end -->'
const marks = { passed: 'yes', failed: 'FAILED', limit: '-' } as const

/** For the terminal. */
export function renderTable(results: readonly DriverResult[]): string {
  const head = ['client', 'build s', 'run s', ...stepNames]
  const rows = results.map(({ driver, buildSeconds, runSeconds, verdicts }) => [
    driver.name,
    buildSeconds.toFixed(1),
    runSeconds.toFixed(1),
    ...verdicts.map(({ outcome }) => marks[outcome]),
  ])
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  )
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** What every step said, for whoever looks into one. */
export function renderDetails(results: readonly DriverResult[]): string {
  return results
    .flatMap(({ driver, version, verdicts }) => [
      `${driver.name}: ${version}`,
      ...verdicts
        .filter(({ detail }) => detail !== '')
        .map(({ step, detail }) => `  ${step}: ${detail}`),
    ])
    .join('\n')
}

/** Replaces what is between the marks of the page. */
export async function writeDocumentation(results: readonly DriverResult[]): Promise<string> {
  const file = fileURLToPath(new URL(`../../${page}`, import.meta.url))
  const text = await readFile(file, 'utf8')
  const [before, rest] = text.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`${page} has no marks`)
  await writeFile(file, `${before}${begin}${renderPage(results)}${end}${after}`)
  return page
}

function renderPage(results: readonly DriverResult[]): string {
  const head = ['client', 'versions', 'works', 'has not', 'the error of a refused token has']
  const rows = results.map((result) => [
    result.driver.title,
    result.version,
    renderCount(result),
    renderLimits(result),
    renderRefusal(result),
  ])
  const table = [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')
  return `${table}\n\n${results.map(renderSection).join('\n')}\n`
}

function renderCount({ verdicts }: DriverResult): string {
  const passed = verdicts.filter(({ outcome }) => outcome === 'passed').length
  return passed === verdicts.length ? 'all' : `${passed} of ${verdicts.length}`
}

function renderLimits({ verdicts }: DriverResult): string {
  return verdicts
    .filter(({ outcome }) => outcome !== 'passed')
    .map(({ step, outcome }) => (outcome === 'failed' ? `**${step} fails**` : step))
    .join(', ')
}

function renderRefusal({ verdicts }: DriverResult): string {
  const shown = verdicts.find(({ step }) => step === 'expired-token')?.detail ?? ''
  const parts = [shown.startsWith('28P01') ? '28P01' : 'no SQLSTATE', 'the message']
  if (/\bhint:/i.test(shown)) parts.push('HINT')
  return parts.join(', ')
}

const notesLeftOut = new Set(['parameters', 'wrong-token', 'expired-token'])

function renderSection({ driver, verdicts }: DriverResult): string {
  const notes = verdicts
    .filter(({ step, detail }) => detail !== '' && !notesLeftOut.has(step))
    .map(
      ({ step, detail, outcome }) =>
        `- ${step}${outcome === 'limit' ? ', not whole or not there' : ''}: ${detail}\n`,
    )
  return [
    `### ${driver.title}\n`,
    `\`\`\`text\n${driver.connection}\n\`\`\`\n`,
    `${driver.freshToken}\n`,
    ...(notes.length > 0 ? [notes.join('')] : []),
  ].join('\n')
}
