// Under which name the tokens of a profile are kept: one that says something else has others.
import { createHash } from 'node:crypto'
import type { NamedProfile } from './profile.ts'

export interface Account {
  /** The name of the profile and a digest of all that its tokens depend on. Fit for a file. */
  readonly id: string
  readonly profile: string
}

const digestLength = 20

export function accountOf({ name, profile }: NamedProfile): Account {
  const { gateway, database, signIn } = profile
  const digest = createHash('sha256')
    .update(
      JSON.stringify(sorted([gateway?.replace(/\/+$/, '') ?? null, database ?? null, signIn])),
    )
    .digest('hex')
    .slice(0, digestLength)
  return { id: `${name}-${digest}`, profile: name }
}

/** Of the same profile, whatever it said when they were kept. */
export function isOfProfile(id: string, { profile }: Account): boolean {
  return (
    id.length === profile.length + 1 + digestLength &&
    id.startsWith(`${profile}-`) &&
    /^[0-9a-f]+$/.test(id.slice(-digestLength))
  )
}

/** What is not there and what is undefined are the same, and so is any order of keys. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, one]) => [key, sorted(one)])
}
