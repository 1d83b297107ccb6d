import { randomBytes } from 'node:crypto'
import type { Context } from 'hono'
import type { WebServices } from '../services.ts'
import type { WebSession } from '../visitor.ts'
import { dropCookie, fits, keepCookie } from './cookies.ts'
import { Problem } from './problem.ts'
import { sessionCookie, sessionPurpose } from './visit.ts'

const idBytes = 18

/** Another one with each sign-in: nobody has it from before. */
export function newSessionId(): string {
  return `web-${randomBytes(idBytes).toString('base64url')}`
}

/** Throws where there is more to keep than a browser keeps. */
export async function sealSession(
  { sealer }: Pick<WebServices, 'sealer'>,
  session: WebSession,
): Promise<string> {
  const sealed = await sealer.seal(sessionPurpose, session, session.expiresAt)
  if (fits(sessionCookie, sealed)) return sealed
  throw new Problem('too-large', { detail: `${sealed.length} bytes` })
}

export function keepSession(
  c: Context,
  { now }: Pick<WebServices, 'now'>,
  { expiresAt }: WebSession,
  sealed: string,
): void {
  keepCookie(c, sessionCookie, sealed, expiresAt - now().getTime())
}

export function dropSession(c: Context): void {
  dropCookie(c, sessionCookie)
}
