import { type Config, readDenyFile } from '../config/index.ts'
import { type Finding, Findings } from '../identity/finding.ts'

/** Whether the file of those who are not let in can be used, without which the service does not start. */
export function inspectDenyFile({ deny_file: path }: Config, now: Date): readonly Finding[] {
  if (path === undefined) return []
  const findings = new Findings('deny_file')
  try {
    const entries = readDenyFile(path)
    const over = entries.filter(({ until }) => until !== undefined && until <= now.getTime())
    findings.ok('entries', `${entries.length - over.length} in force, ${over.length} over`)
  } catch (error) {
    const found = error instanceof Error ? error.message : 'it cannot be read'
    findings.problem('entries', found, 'correct the file, or leave out `deny_file`')
  }
  return findings.all
}
