import type { Pool } from '../policy/catalog.ts'

export function takesPasswordOf({ requireSso, passwordUsers }: Pool, user: string): boolean {
  return !requireSso || passwordUsers.has(user)
}
