import { access } from 'node:fs/promises'
import type { Environment } from './environment.ts'
import type { Profile } from './profile.ts'

/** What libpq 16 and later take for the authorities of the system, where no file of them is known. */
export const systemAuthorities = 'system'

/** Where systems keep the authorities they trust as one file: libpq knows none by itself. */
const bundles = [
  // Debian, Ubuntu, Alpine, Arch
  '/etc/ssl/certs/ca-certificates.crt',
  // Fedora, Red Hat
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  // SUSE
  '/etc/ssl/ca-bundle.pem',
  // macOS, the BSDs
  '/etc/ssl/cert.pem',
  '/usr/local/etc/ssl/cert.pem',
]

/** The file of authorities for clients of PostgreSQL: of the profile, of the environment, of the system. */
export async function findRootCertificate(
  { caFile }: Pick<Profile, 'caFile'>,
  environment: Environment,
  candidates: readonly string[] = bundles,
): Promise<string> {
  if (caFile !== undefined) return caFile
  const named = environment['PGSSLROOTCERT'] ?? ''
  if (named !== '') return named
  for (const path of [environment['SSL_CERT_FILE'] ?? '', ...candidates]) {
    if (path !== '' && (await isReadable(path))) return path
  }
  return systemAuthorities
}

async function isReadable(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
