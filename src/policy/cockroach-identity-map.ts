// The lines of CockroachDB's server.identity_map.configuration. They look like those of pg_ident.conf and
// are read differently: three words and no quotes, `#` ends a line wherever it stands, no keyword.
import { RE2JS } from 're2js'
import { withoutTrailingSlash } from '../identity/issuer-name.ts'
import type { IdentityMapProblem, Line, ParsedIdentityMap } from './identity-map.ts'

export function parseCockroachMap(text: string): ParsedIdentityMap {
  const map = new Map<string, readonly Line[]>()
  const problems: IdentityMapProblem[] = []
  for (const [index, source] of text.split(/\r?\n/).entries()) {
    const words = source.replace(/#.*/s, '').trim().split(/\s+/)
    if (words[0] === '') continue
    if (!isTriple(words)) {
      problems.push({
        line: index + 1,
        message: 'expected three words: issuer, user of the token, role; quotes have no meaning',
      })
      continue
    }
    const [issuer, user, role] = words
    const line = toLine(user, role)
    if (typeof line === 'string') {
      problems.push({ line: index + 1, message: line })
      continue
    }
    const key = withoutTrailingSlash(issuer)
    map.set(key, [...(map.get(key) ?? []), line])
  }
  return { map, problems }
}

function isTriple(words: readonly string[]): words is readonly [string, string, string] {
  return words.length === 3
}

/** A line, or what is wrong with it. The expression is not anchored; the first `\1` is its first group. */
function toLine(user: string, role: string): Line | string {
  const hasReference = role.includes('\\1')
  const withoutGroup = 'saw \\1 substitution, but pattern contains no subexpressions'
  if (!user.startsWith('/')) {
    if (hasReference) return withoutGroup
    return { matches: (name) => (name === user ? role : undefined) }
  }
  const pattern = compile(user.slice(1))
  if (pattern === undefined) return 'invalid regular expression'
  if (hasReference && pattern.groupCount() === 0) return withoutGroup
  return {
    matches: (name) => {
      const matcher = pattern.matcher(name)
      if (!matcher.find()) return undefined
      if (!hasReference) return role
      // A group that took no part matches nobody, rather than as if it were empty.
      const group = matcher.group(1)
      return group === null ? undefined : role.replace('\\1', () => group)
    },
  }
}

function compile(expression: string): RE2JS | undefined {
  try {
    return RE2JS.compile(expression)
  } catch {
    return undefined
  }
}
