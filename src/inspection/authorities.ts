import { readFileSync } from 'node:fs'
import { assessAuthorities, parseCertificates } from '../identity/assess-certificates.ts'
import type { Findings } from '../identity/finding.ts'

/** A file of certificate authorities: whether any is still valid. Returns false where it cannot be used. */
export function inspectAuthorities(
  file: string,
  check: string,
  findings: Findings,
  now: Date,
  describe: (error: unknown) => string,
): boolean {
  try {
    assessAuthorities(parseCertificates(readFileSync(file, 'utf8')), check, now, findings)
    return true
  } catch (error) {
    const remedy = 'put the certificates there as PEM, readable for this user'
    findings.problem(check, `${file}: ${describe(error)}`, remedy)
    return false
  }
}
