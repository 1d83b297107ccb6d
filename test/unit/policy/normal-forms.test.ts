// Unicode has several spellings of one text, and PostgreSQL compares bytes: so does every comparison here.
import { expect, test } from 'vitest'
import { decide } from '../../../src/policy/decide.ts'
import { catalogOf, database, group, integration, issuer } from './catalogs.ts'

const composed = 'am\u00e9lie'
const decomposed = 'ame\u0301lie'
const catalog = catalogOf({
  databases: [database('sandbox')],
  groups: [group('readonly', composed)],
})

function outcomeOf(user: string, name: string, its = integration('sso')): string {
  const request = { user, database: 'sandbox' }
  const decision = decide(request, { issuer, names: [name], groups: [name] }, its, catalog)
  return decision.outcome === 'granted' ? decision.role : decision.reason
}

test.each([
  ['a principal is its own role', integration('sso', { mapsPrincipal: true })],
  ['a group is mapped', integration('sso', { mappings: { [composed]: 'readonly' } })],
])('another normal form of a name is another name, where %s', (_, its) => {
  expect(outcomeOf(composed, composed, its)).toBe(composed)
  expect(outcomeOf(composed, decomposed, its)).toMatch(/^(role-not-allowed|no-group)$/)
})

test.each([
  ['a ligature', 'of\uFB01ce', 'office'],
  ['full-width letters', '\uFF41pp', 'app'],
  ['another case', 'Alice', 'alice'],
  ['a letter that looks like it', '\u0430lice', 'alice'],
  ['an invisible character', 'ali\u200Bce', 'alice'],
])('%s does not make one name of two', (_, name, role) => {
  const its = integration('sso', { mapsPrincipal: true })
  expect(outcomeOf(role, name, its)).toBe('role-not-allowed')
  expect(outcomeOf(name, name, its)).toBe(name)
})
