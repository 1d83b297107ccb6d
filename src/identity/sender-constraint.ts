// Tokens that are good only in the hands of whoever has a key (RFC 7800): of the ways to say so, the
// thumbprint of the client certificate (RFC 8705, 3.1) is the one that can be checked here.
import { timingSafeEqual } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { Refusal } from '../refusal.ts'
import { holder, shown } from './shown.ts'
import { isRecord } from './token-shape.ts'

/**
 * SHA-256 in base64url without padding. Decoders ignore the last two bits, which would give one certificate
 * several thumbprints: the last character has only those that leave them zero.
 */
const thumbprintShape = /^[\w-]{42}[AEIMQUYcgkosw048]$/

/**
 * The thumbprint of the certificate that a token is bound to, undefined for a bearer token. Throws for a
 * binding of any other kind, of which nobody here could say whether the client can prove it.
 */
export function readSenderConstraint(claims: JWTPayload): string | undefined {
  const { cnf } = claims
  if (cnf === undefined) return undefined
  if (!isRecord(cnf)) throw unsupported(`cnf is ${shown(cnf)}`, claims)
  const { 'x5t#S256': thumbprint, ...others } = cnf
  const other = Object.keys(others)[0]
  if (other !== undefined) throw unsupported(`cnf has the member ${shown(other)}`, claims)
  if (typeof thumbprint !== 'string' || !thumbprintShape.test(thumbprint)) {
    throw unsupported('x5t#S256 is not a SHA-256 thumbprint in base64url', claims)
  }
  return thumbprint
}

export function checkSenderConstraint(claims: JWTPayload, isRequired: boolean): void {
  if (readSenderConstraint(claims) !== undefined || !isRequired) return
  throw new Refusal('token-sender-constraint', {
    clientDetail: 'The token is not bound to a client certificate.',
    logDetail: holder(claims),
  })
}

/** Throws where the client of this connection is not whom a token was issued to. */
export function proveSender(bound: string, presented: string | undefined): void {
  if (presented !== undefined && isSame(bound, presented)) return
  throw new Refusal('token-sender-constraint', {
    clientDetail:
      presented === undefined
        ? 'The token is bound to a client certificate, and this connection has none.'
        : 'The token is bound to another client certificate than that of this connection.',
    logDetail: `bound to ${bound}, presented ${presented ?? 'none'}`,
  })
}

function isSame(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)]
  return first.length === second.length && timingSafeEqual(first, second)
}

function unsupported(logDetail: string, claims: JWTPayload): Refusal {
  return new Refusal('token-sender-constraint', {
    clientDetail: 'The token is bound to its sender in a way that cannot be proved here.',
    logDetail: `${logDetail}; ${holder(claims)}`,
  })
}
