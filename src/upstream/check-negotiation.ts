import { Refusal } from '../refusal.ts'
import type { BackendMessage } from '../wire/read-backend.ts'
import { protocolVersion } from '../wire/startup.ts'
import type { UpstreamProtocol } from './target.ts'

type Negotiation = Extract<BackendMessage, { kind: 'negotiate-protocol-version' }>

/**
 * A server may offer less than it was asked for, and that is 3.0: what is as much, more or older is no
 * answer to the question. Throws a Refusal.
 */
export function checkNegotiation(
  { version, unknownOptions }: Negotiation,
  asked: UpstreamProtocol,
): void {
  const offered = `${version >>> 16}.${version & 0xffff}`
  if (asked !== '3.2' || version !== protocolVersion(0)) {
    throw new Refusal('upstream-protocol', {
      logDetail: `the server answers the request for protocol ${asked} with ${offered}`,
    })
  }
  if (unknownOptions.length > 0) {
    throw new Refusal('upstream-protocol', {
      logDetail: `the server refuses ${unknownOptions.length} protocol options, and was asked for none`,
    })
  }
}
