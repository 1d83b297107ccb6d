import { createPrivateKey, type X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { Config } from '../config/index.ts'
import { assessChain, parseCertificates } from '../identity/assess-certificates.ts'
import { type Finding, Findings } from '../identity/finding.ts'
import { printable } from '../refusal.ts'
import { explain } from '../telemetry/log.ts'
import { inspectAuthorities } from './authorities.ts'

type Pool = Config['connectivity_pools'][string]

/** Files of a certificate, and the names that clients will look for in it. */
interface Shown {
  readonly certificate: string
  readonly key: string
  readonly names: readonly string[]
}

/** The certificates that clients are shown: how long, with which key, and under which names. */
export function inspectServerCertificates(config: Config, now: Date): readonly Finding[] {
  const { certificate, key, client_ca: clientCa } = config.tls
  const pools = Object.entries(config.connectivity_pools)
  const usual = pools.filter(([, { tls }]) => tls === undefined)
  const findings = new Findings('tls')
  const names = usual.flatMap(([, pool]) => namesOf(pool, config.node))
  inspect({ certificate, key, names }, now, findings)
  if (clientCa !== null) inspectAuthorities(clientCa, 'client_ca', findings, now, explain)
  const ofPools = pools.flatMap(([name, pool]) => {
    if (pool.tls === undefined) return []
    const its = new Findings(`connectivity pool ${name}`)
    inspect({ ...pool.tls, names: namesOf(pool, config.node) }, now, its)
    return its.all
  })
  return [...findings.all, ...ofPools, ...inspectPages(config, now)]
}

/** The certificate of the pages for sign-in, or the usual one under their name. */
function inspectPages({ web: pages, tls }: Config, now: Date): readonly Finding[] {
  if (pages === undefined || pages.behind_proxy) return []
  const findings = new Findings('web')
  const names = [new URL(pages.public_url).hostname.replace(/^\[|\]$/g, '')]
  inspect({ ...(pages.tls ?? tls), names }, now, findings)
  return findings.all
}

function namesOf({ participants, server_names: names }: Pool, node: string): readonly string[] {
  const here = participants.filter((one) => one.node === node)
  return [...names, ...here.flatMap(({ advertised_address: address }) => address ?? [])]
}

function inspect({ certificate, key, names }: Shown, now: Date, findings: Findings): void {
  try {
    const chain = parseCertificates(readFileSync(certificate, 'utf8'))
    assessChain(chain, now, findings, 'renew it: a replaced file is taken without a restart')
    const [leaf] = chain
    if (leaf === undefined) return
    inspectKey(leaf, key, findings)
    for (const name of new Set(names)) inspectName(leaf, name, findings)
  } catch (error) {
    const remedy = 'put the certificate there as PEM, readable for this user'
    findings.problem('certificate', `${certificate}: ${explain(error)}`, remedy)
  }
}

function inspectKey(leaf: X509Certificate, file: string, findings: Findings): void {
  try {
    if (leaf.checkPrivateKey(createPrivateKey(readFileSync(file)))) {
      findings.ok('key', 'it is the key of the certificate')
    } else {
      const told = `${file} is not the key of the certificate`
      findings.problem('key', told, 'put the key there that the certificate was made for')
    }
  } catch (error) {
    const remedy = 'put the private key there as PEM without a passphrase, readable for this user'
    findings.problem('key', `${file}: ${explain(error)}`, remedy)
  }
}

function inspectName(leaf: X509Certificate, name: string, findings: Findings): void {
  const found = isIP(name) === 0 ? leaf.checkHost(name) : leaf.checkIP(name)
  if (found !== undefined) {
    findings.ok('names', `${printable(name)} is in the certificate`)
    return
  }
  findings.warning(
    'names',
    `${printable(name)} is not in the certificate, which has ${printable(leaf.subjectAltName ?? 'no names')}`,
    'get a certificate with this name: browsers, and clients with sslmode=verify-full, refuse this one',
  )
}
