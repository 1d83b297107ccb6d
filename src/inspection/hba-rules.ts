// Which lines of pg_hba.conf a login could meet, from wherever it comes. Pure.
import { z } from 'zod'

const rule = z.object({
  file: z.string().nullable(),
  line: z.number(),
  type: z.string().nullable(),
  databases: z.array(z.string()).nullable(),
  users: z.array(z.string()).nullable(),
  address: z.string().nullable(),
  netmask: z.string().nullable(),
  method: z.string().nullable(),
  options: z.array(z.string()).nullable(),
  error: z.string().nullable(),
})

export type HbaRule = Readonly<z.output<typeof rule>>

/** In the order in which the server tries them, one row as JSON each. Whoever may not read it is refused. */
export const hbaQuery = `
SELECT pg_catalog.json_build_object('file', pg_catalog.to_jsonb(r) ->> 'file_name', 'line', r.line_number,
  'type', r.type, 'databases', r.database, 'users', r.user_name, 'address', r.address,
  'netmask', r.netmask, 'method', r.auth_method, 'options', r.options, 'error', r.error)
FROM pg_catalog.pg_hba_file_rules() WITH ORDINALITY AS r`

export function parseRules(rows: readonly string[]): readonly HbaRule[] {
  return rows.map((row) => rule.parse(JSON.parse(row)))
}

export interface HbaQuestion {
  readonly role: string
  readonly database: string
  readonly isEncrypted: boolean
}

const families = ['IPv4', 'IPv6'] as const
type Family = (typeof families)[number]

/**
 * The lines that a login over the network could meet, from one address or another. For each family of
 * addresses it ends with the first that every such login meets, since no line behind it counts. What a line
 * means by memberships and patterns is not known here, so that it may match and may not.
 */
export function reachableRules(
  rules: readonly HbaRule[],
  question: HbaQuestion,
): readonly HbaRule[] {
  const reached = new Set<HbaRule>()
  for (const family of families) {
    for (const one of rules) {
      const match = matchOf(one, question, family)
      if (match === 'never') continue
      reached.add(one)
      if (match === 'always') break
    }
  }
  return rules.filter((one) => reached.has(one))
}

type Match = 'always' | 'perhaps' | 'never'

function matchOf(
  { type, databases, users, address, netmask, error }: HbaRule,
  { role, database, isEncrypted }: HbaQuestion,
  family: Family,
): Match {
  if (error !== null || type === null) return 'never'
  if (type !== 'host' && type !== (isEncrypted ? 'hostssl' : 'hostnossl')) return 'never'
  const parts = [
    best((databases ?? []).map((name) => databaseMatch(name, database, role))),
    best((users ?? []).map((name) => userMatch(name, role))),
    addressMatch(address, netmask, family),
  ] as const
  if (parts.includes('never')) return 'never'
  return parts.includes('perhaps') ? 'perhaps' : 'always'
}

/** A list of names matches as well as the best of them. */
function best(matches: readonly Match[]): Match {
  if (matches.includes('always')) return 'always'
  return matches.includes('perhaps') ? 'perhaps' : 'never'
}

/** The server does not say which of them were in quotes: `all` may be a name, though hardly anybody's. */
function databaseMatch(name: string, database: string, role: string): Match {
  if (name === 'all' || name === database) return 'always'
  if (name === 'replication') return 'never'
  if (name === 'sameuser') return database === role ? 'always' : 'never'
  return name === 'samerole' || name === 'samegroup' || name.startsWith('/') ? 'perhaps' : 'never'
}

function userMatch(name: string, role: string): Match {
  if (name === 'all' || name === role) return 'always'
  return name.startsWith('+') || name.startsWith('/') ? 'perhaps' : 'never'
}

function addressMatch(address: string | null, netmask: string | null, family: Family): Match {
  if (address === 'all') return 'always'
  // A name, or `samehost` and `samenet`.
  if (address === null || netmask === null) return 'perhaps'
  if (address.includes(':') !== (family === 'IPv6')) return 'never'
  return netmask === '0.0.0.0' || netmask === '::' ? 'always' : 'perhaps'
}

export function describeRule({ file, line, type, address, method }: HbaRule): string {
  const place = `${file ?? 'pg_hba.conf'} line ${line}`
  return `${place}: ${type ?? ''} for ${address ?? 'nobody'}, method ${method ?? ''}`
}
