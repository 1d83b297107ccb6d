import type { Finding } from '../identity/finding.ts'

/** Findings for people: those about one entry together, each with what to do, and how many there are. */
export function formatFindings(findings: readonly Finding[], isOffline: boolean): string {
  const entries = Map.groupBy(findings, ({ about }) => about)
  const width = Math.max(0, ...findings.map(({ check }) => check.length))
  const lines = [...entries].flatMap(([about, some]) => [
    '',
    about,
    ...some.flatMap((one) => formatFinding(one, width)),
  ])
  return `${[...lines, '', conclusion(findings, isOffline)].join('\n')}\n`
}

function formatFinding({ check, verdict, found, remedy }: Finding, width: number): string[] {
  const line = `  ${verdict.padEnd(7)}  ${check.padEnd(width)}  ${found}`
  return remedy === undefined
    ? [line]
    : [line, `  ${' '.repeat(7)}  ${' '.repeat(width)}  -> ${remedy}`]
}

function conclusion(findings: readonly Finding[], isOffline: boolean): string {
  const count = (verdict: Finding['verdict']): number =>
    findings.filter((one) => one.verdict === verdict).length
  const asked = isOffline ? ' No provider and no database was asked.' : ''
  return `${counted(count('problem'), 'problem')}, ${counted(count('warning'), 'warning')}.${asked}`
}

function counted(count: number, thing: string): string {
  return `${count === 0 ? 'no' : count} ${thing}${count === 1 ? '' : 's'}`
}
