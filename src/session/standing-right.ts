// By what right a session is there, and who looks after that while it is open.
import { Refusal } from '../refusal.ts'
import type { Admission, Entrance } from './attempt.ts'
import type { Conversation } from './conversation.ts'
import type { Grant } from './grant.ts'
import type { LiveSession } from './registry.ts'
import type { Rules, SessionServices } from './services.ts'
import { noLongerAllowed } from './still-allowed.ts'

/** Rules that were replaced during the login are not those that it was decided by. */
export function checkNewerRules(
  conversation: Conversation,
  admission: Entrance,
  own: Rules,
  current: Rules,
): void {
  if (own === current || !current.isEnforced) return
  const grant = grantOf(conversation, admission)
  const reason = noLongerAllowed(grant, conversation.facts, current.catalog)
  if (reason !== undefined) throw new Refusal(reason, { logDetail: 'by a newer configuration' })
}

/** What a login goes on by that has waited: the rules of now, if they would let it in too. */
export function newerRules(
  conversation: Conversation,
  admission: Admission,
  own: Rules,
  current: Rules,
): Rules {
  if (own === current) return own
  const { facts } = conversation
  const reason = noLongerAllowed(grantOf(conversation, admission), facts, current.catalog)
  if (reason !== undefined) throw new Refusal(reason, { logDetail: 'by a newer configuration' })
  return current
}

export function grantOf({ listener }: Conversation, admission: Entrance): Grant {
  const { intent } = admission
  const { user, database, qualifier, dialect, tokenUser, asksForReplication } = intent
  // Not the whole: what a client sent may be long.
  const asked = { user, database, qualifier, dialect, tokenUser, asksForReplication }
  if (admission.kind === 'console') {
    const { guest, subject } = admission
    const identity = subject?.principal
    return { ...nothing, listener, intent: asked, role: '', guest, identity }
  }
  const isByToken = admission.kind === 'token'
  return {
    listener,
    intent: asked,
    role: admission.role,
    identity: isByToken ? admission.subject.principal : undefined,
    allowsSuperuser: isByToken && admission.allowsSuperuser,
    condition: isByToken ? admission.condition : undefined,
    memberOf: isByToken ? (admission.provision?.memberOf ?? []) : [],
  }
}

const nothing = { allowsSuperuser: false, condition: undefined, memberOf: [] }

/** Has the right of a session looked at again while it is open, where its integration asks for that. */
export function watchRight(
  live: LiveSession,
  admission: Entrance,
  { rechecks, rules }: SessionServices,
): () => void {
  const isByToken = admission.kind === 'token' || admission.kind === 'console'
  if (!isByToken || admission.subject === undefined) return () => {}
  const { principal, token } = admission.subject
  const { integration, subject, expiresAt, kind, sessionToken } = principal
  if (!rules().rechecks.has(integration)) return () => {}
  // A provider knows its access tokens alone.
  const asked = kind === 'id_token' || sessionToken !== undefined ? undefined : token
  return rechecks.watch(live, { integration, subject, expiresAt, token: asked })
}
