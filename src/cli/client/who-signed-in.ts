import type { Grant } from '../../credentials/grant.ts'
import type { NamedProfile } from '../../credentials/open-credentials.ts'
import { printable } from '../../refusal.ts'

/** Who is signed in now, until when, and how to go on. */
export function whoSignedIn({ name, profile }: NamedProfile, grant: Grant, nowMs: number): string {
  const who = grant.principal === undefined ? 'Signed in' : `Signed in as ${grant.principal}`
  const users = grant.roles ?? (grant.user === undefined ? [] : [grant.user])
  const until = `The token is good ${until_(grant.expiresAt, nowMs)}${
    grant.refreshToken === undefined ? '' : ', and is renewed by itself'
  }.`
  const lines = [
    `${printable(who)} (profile ${printable(name)}).`,
    ...(users.length === 0 ? [] : [`Users at the gateway: ${printable(users.join(', '))}`]),
    until,
    `Go on with: ${profile.endpoints.length === 0 ? 'portcullis token' : 'portcullis psql'}`,
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function until_(atMs: number, nowMs: number): string {
  return `until ${new Date(atMs).toISOString()} (${nowMs})`
}
