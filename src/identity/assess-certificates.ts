import { X509Certificate } from 'node:crypto'
import type { Findings } from './finding.ts'
import { certificatesIn } from '../pem.ts'

const dayMs = 86_400_000
/** Time enough to get a new certificate. */
const warnBeforeMs = 30 * dayMs

/** The certificates of a PEM file, in their order. Throws on none, and on one that cannot be read. */
export function parseCertificates(pem: string): readonly X509Certificate[] {
  const blocks = certificatesIn(pem)
  if (blocks.length === 0) throw new Error('there is no certificate in it')
  return blocks.map((block) => new X509Certificate(block))
}

/** Of certificates that are needed together: the one that ends first counts. */
export function assessChain(
  certificates: readonly X509Certificate[],
  now: Date,
  findings: Findings,
  remedy: string,
): void {
  for (const { validFromDate: from, subject } of certificates) {
    if (from <= now) continue
    const told = `${nameIn(subject)} is valid from ${from.toISOString()} on`
    findings.problem('certificate', told, `set the clock of this machine, or ${remedy}`)
    return
  }
  const first = certificates.reduce((one, other) =>
    other.validToDate < one.validToDate ? other : one,
  )
  assessEnd(nameIn(first.subject), first.validToDate, 'certificate', now, findings, remedy)
}

/** Of authorities to choose from: the one that ends last counts. */
export function assessAuthorities(
  certificates: readonly X509Certificate[],
  check: string,
  now: Date,
  findings: Findings,
  remedy = 'put the new authority into the file',
): void {
  const last = certificates.reduce((one, other) =>
    other.validToDate > one.validToDate ? other : one,
  )
  const name =
    certificates.length === 1
      ? nameIn(last.subject)
      : `the last of ${certificates.length} authorities`
  assessEnd(name, last.validToDate, check, now, findings, remedy)
}

function assessEnd(
  name: string,
  end: Date,
  check: string,
  now: Date,
  findings: Findings,
  remedy: string,
): void {
  const leftMs = end.getTime() - now.getTime()
  const days = Math.floor(Math.abs(leftMs) / dayMs)
  if (leftMs <= 0) {
    findings.problem(check, `${name} expired ${end.toISOString()}, ${days} d ago`, remedy)
  } else if (leftMs < warnBeforeMs) {
    findings.warning(check, `${name} expires ${end.toISOString()}, in ${days} d`, remedy)
  } else {
    findings.ok(check, `${name} expires ${end.toISOString()}, in ${days} d`)
  }
}

/** The common name, or all of it on one line. */
function nameIn(subject: string): string {
  const name = /^CN=(.*)$/m.exec(subject)?.[1] ?? subject.replaceAll('\n', ', ')
  return `"${name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '?').slice(0, 200)}"`
}
