import { describe, expect, test } from 'vitest'
import type { ClientRun } from './run-client.ts'
import { readStepLines, stepNames, type StepName } from './steps.ts'
import { judge } from './verdict.ts'

const refusal = '28P01: password authentication failed for user "app_readwrite"'

/** A client that did everything, but for what a test says. */
function client(changes: Partial<Record<StepName, [ok: boolean | null, detail: string]>> = {}) {
  const lines = stepNames.map((step) => {
    const usual = step.endsWith('-token') && step !== 'fresh-token' ? refusal : ''
    const [ok, detail] = changes[step] ?? [true, usual]
    return JSON.stringify({ step, ok, detail })
  })
  return { lines: readStepLines(lines.join('\n')), failure: undefined } satisfies ClientRun
}

function outcomes(direct: ClientRun, gated: ClientRun, bothTokensUsed = true): object {
  const verdicts = judge(direct, gated, bothTokensUsed)
  const others = verdicts.filter(({ outcome }) => outcome !== 'passed')
  return Object.fromEntries(others.map(({ step, outcome, detail }) => [step, [outcome, detail]]))
}

describe('a client', () => {
  test('passes where all its steps do', () => {
    expect(outcomes(client(), client())).toEqual({})
  })

  test('fails where a step fails through Portcullis alone', () => {
    expect(outcomes(client(), client({ cancel: [false, 'too late'] }))).toEqual({
      cancel: ['failed', 'through Portcullis only: too late'],
    })
  })

  test('fails where a step fails both ways: the client is wrong', () => {
    const broken = client({ copy: [false, 'no such table'] })
    expect(outcomes(broken, broken)).toEqual({
      copy: ['failed', 'direct and through Portcullis: no such table | no such table'],
    })
  })

  test('has a limit where it lacks something both ways', () => {
    const limited = client({ pipeline: [null, 'no pipeline mode'] })
    expect(outcomes(limited, limited)).toEqual({ pipeline: ['limit', 'no pipeline mode'] })
  })

  test('fails where it claims a limit through Portcullis alone', () => {
    const limited = client({ pipeline: [null, 'no pipeline mode'] })
    expect(outcomes(client(), limited)).toMatchObject({ pipeline: ['failed', expect.anything()] })
  })

  test('fails where it says nothing of a step', () => {
    const silent = { lines: new Map(), failure: 'ended with SIGSEGV' }
    expect(outcomes(client(), silent)).toMatchObject({
      connect: ['failed', 'through Portcullis: no result. ended with SIGSEGV'],
    })
  })

  test('fails where it sees other parameters through Portcullis', () => {
    const [direct, gated] = ['a', 'b'].map((name) => client({ parameters: [true, name] }))
    expect(outcomes(direct!, gated!)).toMatchObject({ parameters: ['failed', expect.anything()] })
  })

  test('fails where the refusal does not reach its user', () => {
    const mute = client({ 'wrong-token': [true, '28P01: connection failed'] })
    expect(outcomes(client(), mute)).toMatchObject({ 'wrong-token': ['failed', expect.anything()] })
  })

  test('fails where the SQLSTATE of a refusal is not the one that PostgreSQL gives', () => {
    const stateless = client({ 'wrong-token': [true, refusal.replace('28P01', 'no SQLSTATE')] })
    expect(outcomes(client(), stateless)).toMatchObject({
      'wrong-token': ['failed', 'SQLSTATE: 28P01 direct, no SQLSTATE through Portcullis'],
    })
  })

  test('fails where one token opened both connections of its pool', () => {
    expect(outcomes(client(), client(), false)).toMatchObject({
      'fresh-token': ['failed', expect.anything()],
    })
  })
})

test('what is not a step is left out of what a client prints', () => {
  const output = 'warning\n{"step":1}\n{not json\n{"step":"error","ok":true,"detail":""}\n[]'
  expect([...readStepLines(output).keys()]).toEqual(['error'])
})
