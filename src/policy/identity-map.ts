// Identity maps as PostgreSQL 18 reads pg_ident.conf (PostgreSQL documentation, 20.2), but that the map's
// name is the issuer, as in CockroachDB's server.identity_map.configuration. docs/identity-map.md says where else
// the two differ.
import { RE2JS } from 're2js'
import { withoutTrailingSlash } from '../identity/issuer-name.ts'
import { type Field, readFields, readLogicalLines } from './ident-fields.ts'

/** Roles that a line opens without naming them. */
export type OpenRule =
  | { readonly kind: 'any' }
  | { readonly kind: 'pattern'; readonly pattern: RE2JS }
  /** Those that are a member of this role, directly or not; only their server knows. */
  | { readonly kind: 'members'; readonly of: string }

export interface Line {
  /** The role, or the rule for roles, that the line gives a principal; undefined where it does not match. */
  readonly matches: (principal: string) => string | OpenRule | undefined
}

export type IdentityMap = ReadonlyMap<string, readonly Line[]>

export interface IdentityMapProblem {
  /** Counted from 1, in the text of the map. */
  readonly line: number
  readonly message: string
}

export interface ParsedIdentityMap {
  readonly map: IdentityMap
  readonly problems: readonly IdentityMapProblem[]
}

export function parseIdentityMap(text: string): ParsedIdentityMap {
  const map = new Map<string, Line[]>()
  const problems: IdentityMapProblem[] = []
  for (const { number, text: source } of readLogicalLines(text)) {
    try {
      const fields = readFields(source)
      if (fields.length === 0) continue
      const [issuer, line] = readLine(fields)
      const key = withoutTrailingSlash(issuer)
      map.set(key, [...(map.get(key) ?? []), line])
    } catch (error) {
      problems.push({
        line: number,
        message: error instanceof Error ? error.message : 'unreadable',
      })
    }
  }
  return { map, problems }
}

function readLine(fields: readonly Field[]): [string, Line] {
  const [issuer, principal, role] = fields
  if (fields.length === 2 && /^include(_dir|_if_exists)?$/.test(issuer?.text ?? '')) {
    throw new Error(`"${issuer?.text ?? ''}" is not supported; write its lines here`)
  }
  if (fields.some(({ text, isQuoted }) => !isQuoted && /^@./s.test(text))) {
    throw new Error('a field that begins with @ would be a file, which is not supported; quote it')
  }
  if (
    issuer === undefined ||
    principal === undefined ||
    role === undefined ||
    fields.length !== 3
  ) {
    throw new Error('expected three fields: issuer, principal, role')
  }
  return [issuer.text, toLine(principal.text, role)]
}

function toLine(principal: string, role: Field): Line {
  const rule = toOpenRule(role)
  if (rule === undefined) return { matches: toMatcher(principal, role.text) }
  const matches = toMatcher(principal, 'any')
  return { matches: (name) => (matches(name) === undefined ? undefined : rule) }
}

/** Quotes make a literal of `all` and of `+`; as in PostgreSQL they do not of an expression. */
function toOpenRule({ text, isQuoted }: Field): OpenRule | undefined {
  if (text.startsWith('/')) return { kind: 'pattern', pattern: compile(text.slice(1)) }
  if (isQuoted) return undefined
  if (text === 'all') return { kind: 'any' }
  if (!text.startsWith('+')) return undefined
  if (text === '+') throw new Error('"+" is to be followed by the name of a role')
  if (text.includes('\\1')) throw new Error('\\1 is not filled in behind "+"; quote the role')
  return { kind: 'members', of: text.slice(1) }
}

function toMatcher(principal: string, role: string): (name: string) => string | undefined {
  if (!principal.startsWith('/')) {
    if (role.includes('\\1')) throw new Error('\\1 needs a regular expression in the second field')
    return (name) => (name === principal ? role : undefined)
  }
  const pattern = compile(principal.slice(1))
  if (role.includes('\\1') && pattern.groupCount() === 0) {
    throw new Error('\\1 is used, and the regular expression has no parentheses')
  }
  return (name) => {
    const matcher = pattern.matcher(name)
    if (!matcher.find()) return undefined
    if (!role.includes('\\1')) return role
    // Only the first \1 is replaced, as in PostgreSQL, and a group that took no part gives nobody a role.
    const group = matcher.group(1)
    return group === null ? undefined : role.replace('\\1', () => group)
  }
}

/** A match takes time in proportion to it, and each name is tried on every line. */
const mostInstructions = 500

function compile(expression: string): RE2JS {
  let pattern: RE2JS
  try {
    pattern = RE2JS.compile(expression)
  } catch (error) {
    throw new Error(
      `invalid regular expression: ${error instanceof Error ? error.message : 'unreadable'}`,
      { cause: error },
    )
  }
  const size = pattern.programSize()
  if (size <= mostInstructions) return pattern
  throw new Error(
    `too large a regular expression: it compiles to ${size} instructions, and at most ${mostInstructions} are allowed`,
  )
}

export type MappedUsers =
  /** The issuer has no line: the principal's name goes through as it is. */
  | { readonly kind: 'unmapped' }
  /**
   * It has lines: these users, in their order, and those that a rule opens, and no others. None of
   * either is a refusal.
   */
  | {
      readonly kind: 'mapped'
      readonly users: readonly string[]
      readonly open: readonly OpenRule[]
    }

export function mapPrincipal(map: IdentityMap, issuer: string, principal: string): MappedUsers {
  const lines = map.get(withoutTrailingSlash(issuer))
  if (lines === undefined) return { kind: 'unmapped' }
  const users = new Set<string>()
  const open: OpenRule[] = []
  for (const { matches } of lines) {
    const given = matches(principal)
    if (given === undefined || given === '') continue
    if (typeof given === 'string') users.add(given)
    else open.push(given)
  }
  return { kind: 'mapped', users: [...users], open }
}
