import type { Pool } from '../policy/catalog.ts'

/** Whoever comes with a password is in no group: where groups matter only those who are named may. */
export function takesPasswordOf(pool: Pool, user: string): boolean {
  return takesPasswords(pool) || pool.passwordUsers.has(user)
}

/** Of anybody. */
export function takesPasswords({ requireSso, allowedGroups }: Pool): boolean {
  return !requireSso && allowedGroups === undefined
}
