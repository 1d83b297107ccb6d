import { expect, test } from 'vitest'
import { Refusal } from '../../../src/refusal.ts'
import type { SessionObserver } from '../../../src/session/observer.ts'
import { combine, combineHosts, combineIssuer } from '../../../src/telemetry/observers.ts'
import { asked, end, issuer, opened, verified } from './facts.ts'

function recorder(): { observer: SessionObserver; calls: unknown[][] } {
  const calls: unknown[][] = []
  const record =
    (name: string) =>
    (...event: unknown[]): void => {
      calls.push([name, ...event])
    }
  const observer = {
    opened: record('opened'),
    stage: record('stage'),
    admitted: record('admitted'),
    refused: record('refused'),
    abandoned: record('abandoned'),
    discovered: record('discovered'),
    cancelled: record('cancelled'),
    ended: record('ended'),
  }
  return { observer, calls }
}

const refusal = new Refusal('token-expired')

function play(observer: SessionObserver): void {
  observer.opened(opened)
  observer.stage('verify', 3, opened, 'ok')
  observer.admitted(verified)
  observer.refused(asked, refusal)
  observer.abandoned(opened)
  observer.discovered(opened)
  observer.cancelled(opened, 'failed')
  observer.ended(verified, end)
}

const told = [
  ['opened', opened],
  ['stage', 'verify', 3, opened, 'ok'],
  ['admitted', verified],
  ['refused', asked, refusal],
  ['abandoned', opened],
  ['discovered', opened],
  ['cancelled', opened, 'failed'],
  ['ended', verified, end],
]

test('every observer is told every event', () => {
  const [one, other] = [recorder(), recorder()]
  play(combine([one.observer, other.observer], () => expect.fail()))
  expect(one.calls).toEqual(told)
  expect(other.calls).toEqual(told)
})

test('an observer that throws hinders nobody and is reported once', () => {
  const failure = new Error('disk on fire')
  const failing = new Proxy(recorder().observer, {
    get: () => () => {
      throw failure
    },
  })
  const other = recorder()
  const errors: unknown[] = []
  play(combine([failing, other.observer], (error) => errors.push(error)))
  expect(other.calls).toEqual(told)
  expect(errors).toEqual([failure])
})

test('the observers of issuers are combined alike', () => {
  const errors: unknown[] = []
  const calls: unknown[][] = []
  const observer = combineIssuer(
    [
      {
        keysRefreshed() {
          throw new Error('one')
        },
        unknownKey() {
          throw new Error('two')
        },
      },
      {
        keysRefreshed: (...event) => calls.push(event),
        unknownKey: (...event) => calls.push(event),
      },
    ],
    (error) => errors.push(error),
  )
  observer.keysRefreshed(issuer, 'failed', 'why')
  observer.unknownKey(issuer)
  expect(calls).toEqual([[issuer, 'failed', 'why'], [issuer]])
  expect(errors).toHaveLength(1)
})

test('every observer of hosts is told, whatever another does', () => {
  const calls: unknown[][] = []
  const failing = {
    upstreamTried: () => expect.fail(),
    upstreamLost: () => expect.fail(),
    upstreamBack: () => expect.fail(),
  }
  const recording = {
    upstreamTried: (...event: unknown[]) => calls.push(event),
    upstreamLost: (...event: unknown[]) => calls.push(event),
    upstreamBack: (...event: unknown[]) => calls.push(event),
  }
  const errors: unknown[] = []
  const all = combineHosts([failing, recording], (error) => errors.push(error))
  all.upstreamTried('db port 5432', 'ok')
  all.upstreamLost('db port 5432', refusal)
  all.upstreamBack('db port 5432')
  expect(calls).toEqual([['db port 5432', 'ok'], ['db port 5432', refusal], ['db port 5432']])
  expect(errors).toHaveLength(1)
})
