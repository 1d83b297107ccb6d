// Certificates that PostgreSQL has to refuse, made for the purpose and in memory alone.
import { readFileSync } from 'node:fs'
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { type CertificateAuthority, readAuthority } from '../upstream/certificate-authority.ts'
import { explain } from '../telemetry/log.ts'
import { knock, type KnockAnswer } from '../upstream/knock.ts'
import { mintAuthority, mintCertificate } from '../upstream/mint-certificate.ts'
import { quoteToken } from '../policy/hba-token.ts'
import { type DoctorFinding, files } from './doctor-finding.ts'
import { describeAnswer, type ExaminedRole, type Examination, shown } from './examine-role.ts'

interface Shown {
  readonly what: string
  readonly authority: CertificateAuthority
  readonly commonName: string
  readonly fromMs: number
  readonly toMs: number
  /** What is wrong with a server that takes it. */
  readonly fix: readonly string[]
}

const minuteMs = 60_000

/** What the server takes by certificate. Those that it has to take are tried too: else a refusal proves nothing. */
export async function examineCertificates(
  examination: Examination,
  { role, kind }: ExaminedRole,
  all: readonly ExaminedRole[],
): Promise<readonly DoctorFinding[]> {
  const { about, upstream } = examination
  const { auth } = upstream
  if (auth.method !== 'certificate' || !(kind === 'session' || kind === 'reserved')) return []
  let own: CertificateAuthority
  try {
    own = readAuthority({ certificate: auth.ca_certificate, key: auth.ca_key })
  } catch (error) {
    const tried = `${shown(role)}, with certificates`
    return [{ about, tried, verdict: 'unknown', answer: explain(error), fix: [] }]
  }
  const other = all.find((one) => one.kind === 'session' && one.role !== role)
  const cases =
    kind === 'session' ? wrong(role, own, await otherAuthority(), other?.role) : reserved(role, own)
  const findings = kind === 'session' ? [await tryRight(examination, role, own)] : []
  for (const one of cases) findings.push(await tryWrong(examination, role, one))
  return findings
}

async function tryRight(
  examination: Examination,
  role: string,
  authority: CertificateAuthority,
): Promise<DoctorFinding> {
  const { about, isOutside } = examination
  const answer = await show(examination, role, {
    what: '',
    authority,
    commonName: role,
    ...valid(),
    fix: [],
  })
  const tried = `${shown(role)}, with its own certificate`
  if (answer.kind === 'admitted' && !isOutside) {
    return { about, tried, verdict: 'closed', answer: 'lets in, as it should', fix: [] }
  }
  if (isOutside) return verdictOn(about, tried, answer, [files.hba, 'no line for this address'])
  const why = 'so that what it refuses proves nothing; see `portcullis check`'
  return { about, tried, verdict: 'unknown', answer: `${describeAnswer(answer)}, ${why}`, fix: [] }
}

async function tryWrong(
  examination: Examination,
  role: string,
  one: Shown,
): Promise<DoctorFinding> {
  const answer = await show(examination, role, one)
  return verdictOn(examination.about, `${shown(role)}, with ${one.what}`, answer, one.fix)
}

function verdictOn(
  about: string,
  tried: string,
  answer: KnockAnswer,
  fix: readonly string[],
): DoctorFinding {
  const told = describeAnswer(answer)
  switch (answer.kind) {
    case 'admitted':
      return { about, tried, verdict: 'hole', answer: told, fix }
    // Then it is for the lines that ask for passwords, which are tried without a certificate.
    case 'asks':
    case 'closed':
      return { about, tried, verdict: 'closed', answer: told, fix: [] }
    case 'refused': {
      const isAnswer = answer.sqlstate.startsWith('28')
      return { about, tried, verdict: isAnswer ? 'closed' : 'unknown', answer: told, fix: [] }
    }
    case 'no-tls':
    case 'unknown':
      return { about, tried, verdict: 'unknown', answer: told, fix: [] }
  }
}

function wrong(
  role: string,
  own: CertificateAuthority,
  other: CertificateAuthority,
  otherRole: string | undefined,
): readonly Shown[] {
  const forNobody = `nobody-${randomBytes(6).toString('hex')}`
  const ident = [files.ident, `portcullis ${quoteToken(role)} ${quoteToken(role)}`]
  const trusted = [files.settings, "ssl_ca_file = 'portcullis-ca.crt'"]
  const names = [forNobody, ...(otherRole === undefined ? [] : [otherRole])]
  return [
    {
      what: 'a certificate of another authority',
      authority: other,
      commonName: role,
      ...valid(),
      fix: trusted,
    },
    {
      what: 'a certificate that has expired',
      authority: own,
      commonName: role,
      fromMs: -10 * minuteMs,
      toMs: -minuteMs,
      fix: [files.hba, 'a line with `cert clientcert=verify-full` for the role'],
    },
    ...names.map((commonName) => ({
      what: `a certificate for ${shown(commonName)}`,
      authority: own,
      commonName,
      ...valid(),
      fix: ident,
    })),
  ]
}

/** The authority is for the roles of sessions: it must not be enough to be anybody else. */
function reserved(role: string, own: CertificateAuthority): readonly Shown[] {
  const fix = [files.ident, 'one line for each role of a group, and none for all of them']
  return [{ what: 'a certificate for it', authority: own, commonName: role, ...valid(), fix }]
}

function valid(): Pick<Shown, 'fromMs' | 'toMs'> {
  return { fromMs: -minuteMs, toMs: 5 * minuteMs }
}

async function otherAuthority(): Promise<CertificateAuthority> {
  const nowMs = Date.now()
  const period = {
    notBefore: new Date(nowMs - minuteMs),
    notAfter: new Date(nowMs + 10 * minuteMs),
  }
  const { certificate, key } = await mintAuthority('portcullis doctor', period)
  return { certificate: new X509Certificate(certificate), key: createPrivateKey(key) }
}

async function show(
  { target, upstream }: Examination,
  role: string,
  { authority, commonName, fromMs, toMs }: Shown,
): Promise<KnockAnswer> {
  const nowMs = Date.now()
  const period = { notBefore: new Date(nowMs + fromMs), notAfter: new Date(nowMs + toMs) }
  const { certificate, key } = await mintCertificate(authority, commonName, period)
  const secureContext = contextOf(upstream, { cert: certificate, key })
  return knock(target, { role, isCleartext: false, secureContext })
}

/** As the target's, with something else besides. */
export function contextOf(
  { ca }: Examination['upstream'],
  changes: SecureContextOptions,
): SecureContext {
  return createSecureContext({
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
    ...changes,
  })
}
