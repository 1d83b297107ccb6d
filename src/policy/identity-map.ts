// Identity maps in the syntax of pg_ident.conf (PostgreSQL documentation, 20.2); the map's name is the
// issuer, as in CockroachDB's server.identity_map.configuration.
import { RE2JS } from 're2js'
import { withoutTrailingSlash } from '../identity/issuer-name.ts'

interface Line {
  /** The role that the line gives a principal; undefined where it does not match. */
  readonly matches: (principal: string) => string | undefined
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

interface Field {
  readonly text: string
  readonly isQuoted: boolean
}

export function parseIdentityMap(text: string): ParsedIdentityMap {
  const map = new Map<string, Line[]>()
  const problems: IdentityMapProblem[] = []
  for (const [index, source] of text.split(/\r?\n/).entries()) {
    const number = index + 1
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

/** Splits a line into fields; `"..."` may contain blanks, `""` inside is a quote, `#` ends the line. */
function readFields(line: string): Field[] {
  const fields: Field[] = []
  const field = /\s*(?:"((?:[^"]|"")*)"(?=\s|#|$)|([^\s"#]+)|#.*$)/y
  const end = line.trimEnd().length
  while (field.lastIndex < end) {
    const match = field.exec(line)
    if (match === null) throw new Error('unterminated quote, or a quote inside a word')
    const [, quoted, plain] = match
    if (quoted !== undefined) fields.push({ text: quoted.replaceAll('""', '"'), isQuoted: true })
    else if (plain !== undefined) fields.push({ text: plain, isQuoted: false })
    else break
  }
  return fields
}

function readLine(fields: readonly Field[]): [string, Line] {
  const [issuer, principal, role] = fields
  if (
    issuer === undefined ||
    principal === undefined ||
    role === undefined ||
    fields.length !== 3
  ) {
    throw new Error('expected three fields: issuer, principal, role')
  }
  if (!role.isQuoted && /^[+/]/.test(role.text)) {
    throw new Error('a role that begins with + or / is not supported; name the role')
  }
  if (!role.isQuoted && role.text === 'all') {
    throw new Error('"all" would let a principal be any role; name the role, or quote it')
  }
  return [issuer.text, { matches: toMatcher(principal.text, role.text) }]
}

function toMatcher(principal: string, role: string): Line['matches'] {
  // Quotes let an expression contain blanks and #; as in PostgreSQL they do not make it a literal.
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
    // Only the first \1 is replaced, and a group that took no part matches nobody, as in PostgreSQL.
    const group = matcher.group(1)
    return group === null ? undefined : role.replace('\\1', () => group)
  }
}

function compile(expression: string): RE2JS {
  try {
    return RE2JS.compile(expression)
  } catch (error) {
    throw new Error(
      `invalid regular expression: ${error instanceof Error ? error.message : 'unreadable'}`,
      { cause: error },
    )
  }
}

export type MappedUsers =
  /** The issuer has no line: the principal's name goes through as it is. */
  | { readonly kind: 'unmapped' }
  /** It has lines: these users and no others, in their order; none of them is a refusal. */
  | { readonly kind: 'mapped'; readonly users: readonly string[] }

export function mapPrincipal(map: IdentityMap, issuer: string, principal: string): MappedUsers {
  const lines = map.get(withoutTrailingSlash(issuer))
  if (lines === undefined) return { kind: 'unmapped' }
  const users = lines.map((line) => line.matches(principal)).filter((user) => user !== undefined)
  return { kind: 'mapped', users: [...new Set(users.filter((user) => user !== ''))] }
}
