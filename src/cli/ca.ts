// The authority that signs the certificates by which Portcullis logs in, and what PostgreSQL needs of it.
import { randomBytes } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import type { Config } from '../config/index.ts'
import { parseNetwork } from '../policy/network.ts'
import { describeFailure, misused } from './failure.ts'
import { serversOf, writePgConfig } from './pg-config.ts'
import { readConfig } from './read-config.ts'

export interface InitOptions {
  readonly certificate: string
  readonly key: string
  readonly name?: string
  readonly days: string
}

export interface PgConfigOptions {
  readonly config: string
  readonly from: readonly string[]
}

type MintAuthority = (
  name: string,
  period: { readonly notBefore: Date; readonly notAfter: Date },
) => Promise<{ readonly certificate: string; readonly key: string }>

/** PEM of every certificate in a file. Throws where there is none. */
type ReadCertificates = (path: string) => string

const dayMs = 86_400_000
const maxDays = 7_300
/** RFC 5280, ub-common-name. */
const maxNameCharacters = 64
/** The clock of a server may be so much behind ours. */
const clockSkewMs = 5 * 60_000

/** Writes a new authority into two files that are not there yet, and returns the exit code. */
export async function caInit(options: InitOptions, mint: MintAuthority): Promise<number> {
  const { certificate, key } = options
  const name = options.name ?? `Portcullis upstream CA ${randomBytes(4).toString('hex')}`
  const days = Number(options.days)
  if (!/^\d{1,4}$/.test(options.days) || days < 1 || days > maxDays) {
    return misused(`--days must be a whole number between 1 and ${maxDays}`)
  }
  if (name === '' || name.length > maxNameCharacters || !name.isWellFormed()) {
    return misused(`--name must have 1 to ${maxNameCharacters} characters`)
  }
  const nowMs = Date.now()
  const notAfter = new Date(nowMs + days * dayMs)
  try {
    const made = await mint(name, { notBefore: new Date(nowMs - clockSkewMs), notAfter })
    writeNew(key, made.key, 0o600)
    try {
      writeNew(certificate, made.certificate, 0o644)
    } catch (error) {
      rmSync(key)
      throw error
    }
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return 1
  }
  process.stdout
    .write(`${certificate}: the certificate of ${JSON.stringify(name)}, valid until ${notAfter.toISOString()}
${key}: its key, which nobody but its owner may read

Next: name both as \`upstream.auth: { method: certificate, ca_certificate: ..., ca_key: ... }\`, and
portcullis ca pg-config --config portcullis.yaml prints what PostgreSQL needs.
`)
  return 0
}

/** Prints what the servers of a configuration need, and returns the exit code. */
export function caPgConfig(options: PgConfigOptions, readCertificates: ReadCertificates): number {
  for (const network of options.from) {
    if (!isNetwork(network)) return misused(`--from ${JSON.stringify(network)} is no address range`)
  }
  let config: Config
  try {
    ;({ config } = readConfig(options.config))
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return 78
  }
  try {
    const servers = serversOf(config)
    if (servers.length === 0) throw new Error('no database has `auth.method: certificate`')
    const texts = servers.map((server) =>
      writePgConfig(server, options.from, readCertificates(server.caCertificate)),
    )
    process.stdout.write(texts.join('\n'))
    return 0
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return 1
  }
}

/** Never over what is there: a key that is replaced by mistake ends every login. */
function writeNew(path: string, text: string, mode: number): void {
  writeFileSync(path, text, { mode, flag: 'wx' })
}

function isNetwork(text: string): boolean {
  try {
    parseNetwork(text)
    return true
  } catch {
    return false
  }
}
