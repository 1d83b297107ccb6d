import type { z } from 'zod'
import { suggestion } from './nearest-name.ts'
import { quoteSome } from './problem.ts'

type RawIssue = z.core.$ZodRawIssue

/** What a value should be, said in our own words. Values are never repeated: they may be secrets. */
export function expecting(rule: string): (issue: Pick<RawIssue, 'input'>) => string {
  return ({ input }) => {
    if (input === undefined) return 'is required'
    return input === null ? `is empty: ${rule}` : rule
  }
}

/** As `expecting`, for text that YAML took for a number or a truth value. */
export function expectingText(rule: string): (issue: Pick<RawIssue, 'input'>) => string {
  return (issue) => {
    const isOtherScalar = typeof issue.input === 'number' || typeof issue.input === 'boolean'
    return isOtherScalar ? 'must be a string: put the value in quotes' : expecting(rule)(issue)
  }
}

/** One line for each unknown key, in the order of `issue.keys`, since zod reports them as one issue. */
export function unknownKeys(keys: readonly string[], known: readonly string[]): string {
  return keys.map((key) => `unknown key; ${suggestion(key, known)}`).join('\n')
}

/** The text of every issue for which the schema has none of its own. */
export function describeIssue(issue: RawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return expecting(expectation(issue.expected))(issue)
    case 'invalid_value':
      return expecting(`must be one of ${quoteSome(issue.values.map(String), 20)}`)(issue)
    case 'invalid_key':
      return issue.issues[0]?.message ?? 'is not a valid name'
    case 'too_small':
      return issue.origin === 'array' ? 'must have at least one entry' : 'is too small'
    default:
      return 'is not valid'
  }
}

function expectation(expected: string): string {
  switch (expected) {
    case 'object':
    case 'record':
      return 'must be a mapping of keys to values'
    case 'array':
      return 'must be a list'
    case 'boolean':
      return 'must be true or false'
    case 'number':
    case 'int':
      return 'must be a number'
    default:
      return 'must be a string'
  }
}
