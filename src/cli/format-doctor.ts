import type { DoctorFinding } from '../inspection/doctor-finding.ts'

/** Findings for people: those about one database together, each with what closes it, and how many there are. */
export function formatDoctor(findings: readonly DoctorFinding[]): string {
  const lines = [...Map.groupBy(findings, ({ about }) => about)].flatMap(([about, some]) => [
    about,
    ...some.flatMap(formatFinding),
    '',
  ])
  const count = (verdict: DoctorFinding['verdict']): number =>
    findings.filter((one) => one.verdict === verdict).length
  const holes = count('hole')
  const unknown = count('unknown')
  return `${[
    ...lines,
    holes === 0
      ? 'No way around Portcullis was found from here.'
      : `Ways around Portcullis that are open: ${holes}.`,
    ...(unknown === 0 ? [] : [`What could not be found out: ${unknown}.`]),
  ].join('\n')}\n`
}

function formatFinding({ tried, verdict, answer, fix }: DoctorFinding): readonly string[] {
  return [
    `  ${verdict.toUpperCase().padEnd(7)}  ${tried}`,
    `           ${answer}`,
    ...fix.map((line, index) => `           ${index === 0 ? '-> ' : '   '}${line}`),
  ]
}
