import { expect, test } from 'vitest'
import { formatFindings } from '../../../src/cli/format-findings.ts'
import type { Finding } from '../../../src/identity/finding.ts'

const findings: readonly Finding[] = [
  { about: 'integration a', check: 'clock', verdict: 'ok', found: 'right' },
  { about: 'group b', check: 'members', verdict: 'warning', found: 'nobody', remedy: 'add some' },
  { about: 'integration a', check: 'roles', verdict: 'problem', found: 'none', remedy: 'map' },
]

test('findings about one entry stand together, with what to do, and are counted', () => {
  expect(formatFindings(findings, true)).toBe(`
integration a
  ok       clock    right
  problem  roles    none
                    -> map

group b
  warning  members  nobody
                    -> add some

1 problem, 1 warning. No provider and no database was asked.
`)
})

test('nothing found is said too', () => {
  expect(formatFindings([], false)).toBe('\nno problems, no warnings.\n')
})
