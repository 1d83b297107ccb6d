// Certificates for roles, minted as they are needed and in memory alone.
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { LRUCache } from 'lru-cache'
import { Refusal } from '../refusal.ts'
import type { CertificateAuthority } from './certificate-authority.ts'

export interface RoleCertificateOptions {
  readonly authority: CertificateAuthority
  readonly validityMs: number
  /** How many are kept: roles are as many as identities where principals are mapped to them. */
  readonly maxRoles: number
  /** What every connection to the server is secured with. */
  readonly context: SecureContextOptions
}

interface Entry {
  readonly mintedAtMs: number
  readonly freshUntilMs: number
  readonly context: Promise<SecureContext>
}

/** The clock of a server may be so much behind ours. */
const clockSkewMs = 5 * 60_000
/** As NAMEDATALEN has it: PostgreSQL cuts a longer one, and compares what is left. */
const maxRoleBytes = 63

/**
 * What a connection is secured with that logs in as a role. It is used again for the first half of the
 * certificate's validity, so that a login never has one that is about to expire. A new configuration
 * makes a new one of these, and nothing is kept.
 */
export class RoleCertificates {
  readonly #options: RoleCertificateOptions
  readonly #entries: LRUCache<string, Entry>
  /** Begun before anybody waits for it. */
  readonly #minting = import('./mint-certificate.ts')

  constructor(options: RoleCertificateOptions) {
    this.#options = options
    this.#entries = new LRUCache({ max: options.maxRoles })
    this.#minting.catch(() => {
      // Whoever logs in first is told.
    })
  }

  get authority(): CertificateAuthority {
    return this.#options.authority
  }

  /** Throws a Refusal where there can be no certificate for the role. */
  async contextFor(role: string, now: Date): Promise<SecureContext> {
    const nowMs = now.getTime()
    const known = this.#entries.get(role)
    // A clock that was set back is before the time that the server would accept.
    if (known !== undefined && nowMs >= known.mintedAtMs && nowMs < known.freshUntilMs) {
      return known.context
    }
    const entry = this.#mint(role, nowMs)
    this.#entries.set(role, entry)
    try {
      return await entry.context
    } catch (error) {
      if (this.#entries.peek(role) === entry) this.#entries.delete(role)
      throw error
    }
  }

  #mint(role: string, nowMs: number): Entry {
    checkName(role)
    const { authority, validityMs } = this.#options
    const endMs = authority.certificate.validToDate.getTime()
    if (nowMs >= endMs) throw impossible(`the authority expired ${new Date(endMs).toISOString()}`)
    // None is valid longer than what vouches for it.
    const notAfterMs = Math.min(nowMs + validityMs, endMs)
    const context = this.#contextOf(role, {
      notBefore: new Date(nowMs - clockSkewMs),
      notAfter: new Date(notAfterMs),
    })
    return { mintedAtMs: nowMs, freshUntilMs: (nowMs + notAfterMs) / 2, context }
  }

  async #contextOf(
    role: string,
    period: { readonly notBefore: Date; readonly notAfter: Date },
  ): Promise<SecureContext> {
    const { authority, context } = this.#options
    try {
      const { mintCertificate } = await this.#minting
      const { certificate, key } = await mintCertificate(authority, role, period)
      return createSecureContext({ ...context, cert: certificate, key })
    } catch (cause) {
      throw impossible('it could not be minted', cause)
    }
  }
}

function checkName(role: string): void {
  const bytes = Buffer.byteLength(role)
  if (bytes === 0 || bytes > maxRoleBytes) {
    throw impossible(`a role has 1 to ${maxRoleBytes} bytes, and this one ${bytes}`)
  }
  if (role.includes('\0') || !role.isWellFormed()) {
    throw impossible('the role is not a name that PostgreSQL could have')
  }
}

function impossible(why: string, cause?: unknown): Refusal {
  return new Refusal('upstream-authentication', {
    logDetail: `no certificate for the role: ${why}`,
    ...(cause !== undefined && { cause }),
  })
}
