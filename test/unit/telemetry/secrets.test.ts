import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Refusal } from '../../../src/refusal.ts'
import type { SessionFacts, SessionObserver } from '../../../src/session/observer.ts'
import { createAudit } from '../../../src/telemetry/audit.ts'
import { createLog, issuerLog, sessionLog } from '../../../src/telemetry/log.ts'
import { createMetrics, renderMetrics } from '../../../src/telemetry/metrics.ts'
import { combine } from '../../../src/telemetry/observers.ts'
import { redact } from '../../../src/telemetry/safe-line.ts'
import { asked, end, issuer, jwt, opaque, secret, verified } from './facts.ts'

/** Whatever a library, a client or we ourselves could do wrong. */
function misplaceTokens(observer: SessionObserver): void {
  const leaky = Object.assign(new Error(`unexpected token in ${jwt}`), {
    request: { headers: { authorization: `Bearer ${opaque}` } },
    token: jwt,
    cause: { body: jwt },
  })
  const withToken: SessionFacts = {
    ...asked,
    requested: {
      user: `${'x'.repeat(150)}${jwt}`,
      database: jwt,
      applicationName: `Bearer ${opaque}`,
    },
  }
  observer.opened(withToken)
  observer.refused(withToken, new Refusal('token-malformed', { logDetail: jwt, cause: leaky }))
  observer.refused(withToken, new Refusal('internal-error', { cause: leaky }))
  observer.refused(withToken, new Refusal('keys-unavailable', { cause: `Bearer ${opaque}` }))
  observer.abandoned(withToken)
  observer.admitted({ ...verified, requested: withToken.requested!, role: jwt })
  observer.ended({ ...verified, requested: withToken.requested! }, end)
}

test('a token that got into a name or an error is in no log, no audit record and no metric', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-secrets-'))
  const file = join(folder, 'audit.jsonl')
  const lines: string[] = []
  const write = (line: string): number => lines.push(line)
  const logs = (['json', 'pretty'] as const).map((format) =>
    createLog({ level: 'debug', format, base: {}, write }),
  )
  const audit = createAudit({
    sinks: [{ sink: 'file', file }],
    node: 'gw0',
    version: '1',
    onFailure: 'continue',
    onDropped: () => expect.fail(),
    onError: () => expect.fail(),
  })
  const readBytes = (): { fromFrontend: number; fromUpstream: number } => ({
    fromFrontend: 1,
    fromUpstream: 1,
  })
  const readPlaces = (): Record<'unauthenticated' | 'signIns' | 'relays' | 'paused', number> => ({
    ...{ unauthenticated: 0, signIns: 0, relays: 0, paused: 0 },
  })
  const read = { readBytes, readPlaces, readKeyAges: () => [], readDenials: () => 0 }
  const metrics = createMetrics({ version: '1', runtime: 'node', ...read })

  misplaceTokens(combine([...logs.map(sessionLog), audit, metrics], () => expect.fail()))
  for (const log of logs) {
    log.error('bug', { error: new Error(jwt), stack: new Error(jwt), [jwt]: jwt })
    issuerLog(log).keysRefreshed(issuer, 'failed', new Error(`Bearer ${opaque}`))
  }
  await audit.close()
  metrics.close()

  const everything = [
    ...lines,
    readFileSync(file, 'utf8'),
    await renderMetrics([await metrics.snapshot()]),
  ].join('\n')
  expect(lines.length).toBeGreaterThan(12)
  expect(everything).not.toContain(secret)
  expect(everything).not.toMatch(/eyJ/)
  rmSync(folder, { recursive: true })
})

test.each([
  ['a JWT', `before ${jwt} after`, 'before [redacted] after'],
  ['a JWT in JSON', `{"token":"${jwt}"}`, '{"token":"[redacted]"}'],
  ['a JWT that was cut off', jwt.slice(0, 40), '[redacted]'],
  ['a JWE', `${jwt}.x.y`, '[redacted]'],
  [
    'an authorization header',
    `authorization: Bearer ${opaque}=`,
    'authorization: Bearer [redacted]',
  ],
  [
    'nothing',
    'bearer token of https://auth.example.com',
    'bearer token of https://auth.example.com',
  ],
])('%s is redacted', (_, text, redacted) => {
  expect(redact(text)).toBe(redacted)
})
