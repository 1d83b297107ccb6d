import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { Config } from '../config/index.ts'
import { assessChain, parseCertificates } from '../identity/assess-certificates.ts'
import { type Finding, Findings } from '../identity/finding.ts'
import { printable } from '../refusal.ts'
import { explain } from '../telemetry/log.ts'
import { inspectAuthorities } from './authorities.ts'

/** The certificate that clients are shown: how long, with which key, and under which names. */
export function inspectServerCertificate(config: Config, now: Date): readonly Finding[] {
  const findings = new Findings('tls')
  const { certificate: file, key: keyFile, client_ca: clientCa } = config.tls
  if (clientCa !== null) inspectAuthorities(clientCa, 'client_ca', findings, now, explain)
  try {
    const chain = parseCertificates(readFileSync(file, 'utf8'))
    assessChain(chain, now, findings, 'renew it: a replaced file is taken without a restart')
    const [leaf] = chain
    if (leaf === undefined) return findings.all
    inspectKey(leaf, keyFile, findings)
    for (const address of advertisedAddresses(config)) {
      const names = leaf.subjectAltName ?? 'no names'
      const isNamed = isIP(address) === 0 ? leaf.checkHost(address) : leaf.checkIP(address)
      if (isNamed !== undefined) {
        findings.ok('names', `${printable(address)} is in the certificate`)
      } else {
        findings.warning(
          'names',
          `${printable(address)} is not in the certificate, which has ${printable(names)}`,
          'get a certificate with this name: clients with sslmode=verify-full refuse this one',
        )
      }
    }
  } catch (error) {
    const remedy = 'put the certificate there as PEM, readable for this user'
    findings.problem('certificate', `${file}: ${explain(error)}`, remedy)
  }
  return findings.all
}

function inspectKey(
  leaf: ReturnType<typeof parseCertificates>[number],
  file: string,
  findings: Findings,
): void {
  try {
    if (leaf.checkPrivateKey(createPrivateKey(readFileSync(file)))) {
      findings.ok('key', 'it is the key of the certificate')
    } else {
      const told = `${file} is not the key of the certificate`
      findings.problem('key', told, 'put the key there that the certificate was made for')
    }
  } catch (error) {
    // What OpenSSL says of a key has no part of it; and the file may hold something else.
    const remedy = 'put the private key there as PEM without a passphrase, readable for this user'
    findings.problem('key', `${file}: ${explain(error)}`, remedy)
  }
}

function advertisedAddresses({ node, connectivity_pools: pools }: Config): ReadonlySet<string> {
  const here = Object.values(pools)
    .flatMap(({ participants }) => participants)
    .filter((one) => one.node === node)
  return new Set(here.flatMap(({ advertised_address: address }) => address ?? []))
}
