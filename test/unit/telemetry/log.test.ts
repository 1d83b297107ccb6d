import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../src/refusal.ts'
import { createLog, explain, issuerLog, sessionLog } from '../../../src/telemetry/log.ts'
import type { Log, LogLevel } from '../../../src/telemetry/log.ts'
import { asked, end, issuer, opened, verified } from './facts.ts'

interface Capture {
  readonly log: Log
  readonly lines: string[]
  readonly last: () => Record<string, unknown>
}

function capture(level: LogLevel = 'debug', format: 'json' | 'pretty' = 'json'): Capture {
  const lines: string[] = []
  const log = createLog({ level, format, base: { node: 'gw0' }, write: (line) => lines.push(line) })
  return { log, lines, last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> }
}

const refusedUpstream = Object.assign(new Error('connect ECONNREFUSED 10.0.0.5:5432'), {
  code: 'ECONNREFUSED',
  authorization: 'never to be written',
})

describe('the log of sessions', () => {
  test('says who was admitted', () => {
    const { log, lines, last } = capture()
    sessionLog(log).admitted(verified)
    expect(lines).toHaveLength(1)
    expect(last()).toMatchObject({
      level: 'info',
      msg: 'session admitted',
      node: 'gw0',
      session: verified.id,
      peer: '192.0.2.7:50123',
      pool: 'sso_pool',
      user: 'id_token',
      database: 'sandbox',
      integration: 'sso_m2m',
      issuer,
      subject: 'auth0|alice',
      principal: 'alice',
      role: 'app_readwrite',
    })
  })

  test.each([
    ['client', 'token-expired', 'warn'],
    ['policy', 'role-not-allowed', 'warn'],
    ['issuer', 'keys-unavailable', 'warn'],
    ['upstream', 'upstream-unreachable', 'error'],
    ['proxy', 'internal-error', 'error'],
    ['proxy', 'draining', 'info'],
  ] as const)('writes a fault of the %s, %s, at level %s', (fault, reason, level) => {
    const { log, lines, last } = capture()
    sessionLog(log).refused(
      asked,
      new Refusal(reason, { logDetail: 'kid "7"', cause: refusedUpstream }),
    )
    expect(lines).toHaveLength(1)
    expect(last()).toMatchObject({
      level,
      fault,
      reason,
      detail: 'kid "7"',
      msg: 'session refused',
    })
    expect(last()['cause']).toBe('connect ECONNREFUSED 10.0.0.5:5432')
    expect(lines[0]).not.toContain('never to be written')
  })

  test('has the stack of a bug, and of nothing else', () => {
    const { log, last } = capture()
    sessionLog(log).refused(
      asked,
      new Refusal('internal-error', { cause: new TypeError('x is null') }),
    )
    expect(last()['stack']).toMatch(/^TypeError: x is null\n +at /)
    sessionLog(log).refused(asked, new Refusal('upstream-timeout', { cause: refusedUpstream }))
    expect(last()).not.toHaveProperty('stack')
  })

  test('leaves out what is not known', () => {
    const { log, last } = capture()
    sessionLog(log).abandoned(opened)
    expect(Object.keys(last())).toEqual(['level', 'time', 'node', 'session', 'peer', 'msg'])
    expect(last()['level']).toBe('debug')
  })

  test('says how a session ended', () => {
    const { log, last } = capture()
    sessionLog(log).ended(verified, end)
    expect(last()).toMatchObject({ level: 'info', reason: 'client-closed', duration_ms: 7890 })
  })

  test('writes one line for a login and one for its end', () => {
    const { log, lines } = capture()
    const observer = sessionLog(log)
    observer.opened(opened)
    observer.stage('verify', 1, opened, 'ok')
    observer.admitted(verified)
    observer.ended(verified, end)
    expect(lines).toHaveLength(2)
  })

  test('cannot be forged by a name with line ends and control characters', () => {
    for (const format of ['json', 'pretty'] as const) {
      const { log, lines } = capture('info', format)
      const user = 'a\nb\u2028c\u202ed\u001b[31m'
      const detail = 'group \u202e\u2028\u{e0041}\nINFO'
      sessionLog(log).refused(
        { ...asked, requested: { ...asked.requested!, user } },
        new Refusal('no-group', { logDetail: detail }),
      )
      expect(lines.join('').trimEnd()).toMatch(/^[^\n\u001b\u2028\u202e\u{e0041}]+$/u)
    }
  })

  test('writes a peer on a Unix socket by what it is', () => {
    const { log, last } = capture()
    const listener = { address: '/run/.s.PGSQL.6432', port: 6432 }
    sessionLog(log).abandoned({ ...opened, peer: { address: 'unix', port: 0 }, listener })
    expect(last()['peer']).toBe('unix')
  })

  test('writes a peer with an IPv6 address unambiguously', () => {
    const { log, last } = capture()
    sessionLog(log).abandoned({ ...opened, peer: { address: '2001:db8::1', port: 9 } })
    expect(last()['peer']).toBe('[2001:db8::1]:9')
  })
})

describe('the log of issuers', () => {
  test('warns of a refresh that failed, with the cause of the cause', () => {
    const { log, last } = capture()
    const error = new TypeError('fetch failed', {
      cause: Object.assign(new Error('getaddrinfo failed'), { code: 'ENOTFOUND' }),
    })
    issuerLog(log).keysRefreshed(issuer, 'failed', error)
    expect(last()).toMatchObject({
      level: 'warn',
      issuer,
      cause: 'fetch failed: getaddrinfo failed (ENOTFOUND)',
    })
  })

  test('has unknown keys at info and good refreshes at debug', () => {
    const { log, last } = capture()
    issuerLog(log).unknownKey(issuer)
    expect(last()['level']).toBe('info')
    issuerLog(log).keysRefreshed(issuer, 'ok')
    expect(last()['level']).toBe('debug')
  })
})

describe('a log', () => {
  test('changes its level while it runs', () => {
    const { log, lines } = capture('warn')
    log.info('unheard')
    log.setLevel('info')
    log.info('heard')
    log.setLevel('silent')
    log.fatal('unheard')
    expect(lines).toHaveLength(1)
  })

  test('is readable when it is to be', () => {
    const { log, lines } = capture('info', 'pretty')
    log.info('listening', { port: 6432 })
    expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: listening \{"port":6432\}\n$/)
  })
})

test.each([
  ['an error', new Error('no'), 'no'],
  ['an error without a message', new RangeError(''), 'RangeError'],
  ['an error with a code', Object.assign(new Error('no'), { code: 'E1' }), 'no (E1)'],
  ['a chain', new Error('a', { cause: new Error('b', { cause: 'c' }) }), 'a: b: c'],
  [
    'several errors',
    new AggregateError([new Error('first'), new Error('second')], 'all'),
    'all: first',
  ],
  ['an object', { token: 'x' }, 'thrown object'],
  ['nothing', undefined, ''],
])('%s is explained in one line', (_, error, line) => {
  expect(explain(error)).toBe(line)
})

test('an error that causes itself is explained all the same', () => {
  const error = new Error('again')
  error.cause = error
  expect(explain(error)).toBe('again: again: again: again')
})
