import {
  type LoginRequest,
  RolePasswordRefused,
  scopeOf,
  type UpstreamSession,
} from '../upstream/log-in.ts'
import { everywhere } from '../upstream/endpoint.ts'
import type { UpstreamTarget } from '../upstream/target.ts'
import type { SessionServices } from './services.ts'

/**
 * Logs in. A password that the server refuses may have been replaced at both ends just now: where its
 * file has another by now, that one is tried, once.
 */
export async function logInByCurrentPassword(
  target: UpstreamTarget,
  request: LoginRequest,
  database: string,
  services: Pick<SessionServices, 'rules' | 'upstream' | 'refreshSecrets'>,
): Promise<UpstreamSession> {
  try {
    return await services.upstream.open(target, request)
  } catch (error) {
    const { credential, role } = request
    if (credential.kind === 'signed') {
      for (const host of target.hosts) credential.tokens.forget(scopeOf(target, host, role))
    }
    if (!(error instanceof RolePasswordRefused) || credential.kind !== 'password') throw error
    await services.refreshSecrets()
    const password = passwordNow(target, request.role, database, services)
    if (password === undefined || password === credential.password) throw error
    return services.upstream.open(target, {
      ...request,
      credential: { ...credential, password },
    })
  }
}

/** Undefined where the database is another server by now: the password is not for the one we know. */
function passwordNow(
  target: UpstreamTarget,
  role: string,
  database: string,
  services: Pick<SessionServices, 'rules'>,
): string | undefined {
  const now = services.rules().upstreams.get(database)
  if (now?.credentials.method !== 'password' || everywhere(now) !== everywhere(target))
    return undefined
  return now.credentials.passwords.get(role)
}
