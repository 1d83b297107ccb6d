import type { Grant } from '../../credentials/grant.ts'
import type { NamedProfile } from '../../credentials/open-credentials.ts'
import { printable } from '../../refusal.ts'
import { needsPerson } from '../../credentials/profile.ts'
import { formatMoment } from './duration.ts'

export interface SignedIn {
  readonly nowMs: number
  readonly isDefault: boolean
  /** Whether there is a refresh token. */
  readonly isRenewable: boolean
}

/** Who is signed in now, until when, and how to go on. */
export function whoSignedIn(
  { name, profile }: NamedProfile,
  grant: Grant,
  { nowMs, isDefault, isRenewable }: SignedIn,
): readonly string[] {
  const who = grant.principal === undefined ? 'Signed in' : `Signed in as ${grant.principal}`
  const users = grant.roles ?? (grant.user === undefined ? [] : [grant.user])
  const isRenewed = isRenewable || !needsPerson(profile.signIn)
  const renewed = isRenewed ? '; it is renewed by itself' : ', and then you sign in again'
  const command = profile.endpoints.length === 0 ? 'portcullis token' : 'portcullis psql'
  const more = profile.endpoints.length > 0 && profile.database === undefined ? ' <database>' : ''
  return [
    `${who}, profile ${name}.`,
    ...(users.length === 0 ? [] : [`Users at the gateway: ${users.join(', ')}.`]),
    `The token is good until ${formatMoment(grant.expiresAt, nowMs)}${renewed}.`,
    `Next: ${command}${isDefault ? '' : ` --profile ${name}`}${more}`,
  ].map((line) => printable(line, 1_000))
}
