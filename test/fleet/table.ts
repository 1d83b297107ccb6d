/** What happened, for whoever reads the output of a run. */
export function printTable(
  title: string,
  rows: readonly (readonly [what: string, count: number | string])[],
): void {
  const width = Math.max(...rows.map(([what]) => what.length))
  const lines = rows.map(([what, count]) => `  ${what.padEnd(width)}  ${String(count).padStart(7)}`)
  process.stdout.write(`\n${title}\n${lines.join('\n')}\n\n`)
}
