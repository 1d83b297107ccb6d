// A session at one of the hosts of an upstream, whichever can be reached and is the right one.
import type { ScramKeyCache } from '../sasl/scram-key-cache.ts'
import { closeSession } from './close-session.ts'
import { logIn, type LoginRequest, type UpstreamSession } from './log-in.ts'
import type { UpstreamNetwork } from './network.ts'
import { searchHosts } from './search-hosts.ts'
import type { UpstreamTarget } from './target.ts'

export interface UpstreamAccess {
  readonly keys: ScramKeyCache
  readonly network: UpstreamNetwork
}

/**
 * Logs in as a role at the first host that can be reached and is what `target_session_attrs` asks for, or
 * throws a Refusal within the deadline of the target. Another address, another host and another try come
 * only where nothing was said that a server could have taken for a login, or where it said by itself that
 * it cannot do it now; what a server thinks of the credential is final.
 */
export async function openSession(
  target: UpstreamTarget,
  request: LoginRequest,
  { keys, network }: UpstreamAccess,
): Promise<UpstreamSession> {
  return searchHosts({
    target,
    network,
    attempt: async (attempt) => logIn({ ...attempt, request, keys }),
    close: closeSession,
    // A proof that is relayed is the client's for one server, and it makes no other.
    isForOneServer: request.credential.kind === 'relay',
  })
}
