// SCRAM-SHA-256 between a client and a server, neither of which is us: what is passed on from one to the
// other. Each message has the one form of RFC 5802 7, in which no password has a place.
import { isUtf8 } from 'node:buffer'
import type { ServerFirst } from './scram.ts'

/** The same, bound to a TLS connection: ours with the client is another one than ours with the server. */
export const boundScramMechanism = 'SCRAM-SHA-256-PLUS'

/** As long as PostgreSQL reads them. */
export const maxScramMessageBytes = 1_024

/** A client's first message, in so far as it matters on the way. */
export interface RelayedFirst {
  readonly message: string
  readonly nonce: string
  /** With `y` the client could have bound the exchange to its TLS, and believes that the server cannot. */
  readonly flag: 'n' | 'y'
}

export type RelayedFirstStep =
  | { readonly next: 'relay'; readonly first: RelayedFirst }
  | { readonly next: 'authorization-identity' }
  | { readonly next: 'malformed' }

/**
 *     client-first-message = ("n" / "y") "," [authzid] "," "n=" saslname "," "r=" nonce ["," extensions]
 */
export function readRelayedFirst(bytes: Uint8Array): RelayedFirstStep {
  const message = readText(bytes)
  const parts = /^([ny]),(a=[^,]*)?,n=[^,]*,r=([\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^,]*)*$/.exec(
    message,
  )
  const [, flag, authorizationIdentity, nonce] = parts ?? []
  if (nonce === undefined || (flag !== 'n' && flag !== 'y')) return { next: 'malformed' }
  if (authorizationIdentity !== undefined) return { next: 'authorization-identity' }
  return { next: 'relay', first: { message, nonce, flag } }
}

/**
 *     client-final-message = "c=" gs2-header "," "r=" nonce ["," extensions] "," "p=" proof
 *
 * Returns it if it answers this challenge, in base64 the header of the first message; else undefined.
 */
export function readRelayedFinal(
  bytes: Uint8Array,
  { flag }: RelayedFirst,
  { nonce }: Pick<ServerFirst, 'nonce'>,
): string | undefined {
  const message = readText(bytes)
  const header = Buffer.from(`${flag},,`).toString('base64')
  const begin = `c=${header},r=${nonce},`
  if (!message.startsWith(begin)) return undefined
  // A proof is 32 bytes, of which base64 makes 44 characters.
  const isProved = /^(?:[A-Za-z]=[^,]*,)*p=[A-Za-z0-9+/]{43}=$/.test(message.slice(begin.length))
  return isProved ? message : undefined
}

/** Whether a server's last message is the proof of itself: only after it a client may be let in. */
export function isServerProof(message: string): boolean {
  return /^v=[A-Za-z0-9+/]{43}=$/.test(message)
}

/** Nothing where it is no text of one line, which is malformed as it is. */
function readText(bytes: Uint8Array): string {
  if (bytes.length > maxScramMessageBytes || !isUtf8(bytes)) return ''
  const text = Buffer.from(bytes).toString('utf8')
  return /\p{Cc}/u.test(text) ? '' : text
}
