// What is kept of a profile as text. Whatever cannot be read is nothing, and replaced by the next that is written.
import type { Grant } from './grant.ts'
import type { Kept } from './store.ts'

const version = 1

export const maxKeptBytes = 262_144

export function printKept(kept: Kept): string {
  return JSON.stringify({ version, ...kept })
}

export function parseKept(text: string): Kept | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(value) || value['version'] !== version) return undefined
  const grant = grantIn(value['grant'])
  if (grant === undefined) return undefined
  const session = grantIn(value['session'])
  const triedAt = value['triedAt']
  return {
    grant,
    ...(session !== undefined && { session }),
    ...(isTime(triedAt) && { triedAt }),
  }
}

function grantIn(value: unknown): Grant | undefined {
  if (!isRecord(value)) return undefined
  const { token, issuedAt, expiresAt, refreshToken, principal, user, roles } = value
  if (typeof token !== 'string' || token === '') return undefined
  if (!isTime(issuedAt) || !isTime(expiresAt)) return undefined
  return {
    token,
    issuedAt,
    expiresAt,
    ...(typeof refreshToken === 'string' && { refreshToken }),
    ...(typeof principal === 'string' && { principal }),
    ...(typeof user === 'string' && { user }),
    ...(areTexts(roles) && { roles }),
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}
