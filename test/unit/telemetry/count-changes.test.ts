import { expect, test } from 'vitest'
import { Refusal } from '../../../src/refusal.ts'
import { countChanges } from '../../../src/telemetry/count-changes.ts'
import { asked, end, opened, verified } from './facts.ts'

test('what comes, goes and is refused changes the lists, and nothing else does', () => {
  const changes = countChanges()
  changes.opened(opened)
  changes.stage('tls', 1, opened, 'ok')
  changes.abandoned(opened)
  changes.discovered(opened)
  changes.cancelled(opened, 'forwarded')
  expect(changes.counts).toEqual({ sessions: 0, refusals: 0 })
  changes.admitted(verified)
  changes.ended(verified, end)
  changes.refused(asked, new Refusal('token-expired'))
  expect(changes.counts).toEqual({ sessions: 2, refusals: 1 })
})
