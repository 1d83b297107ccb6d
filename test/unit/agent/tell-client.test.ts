import { expect, test } from 'vitest'
import { fieldsFor } from '../../../src/agent/tell-client.ts'
import { CredentialProblem } from '../../../src/credentials/problem.ts'
import { Refusal } from '../../../src/refusal.ts'

test('that nobody is signed in is said with what to do', () => {
  const problem = new CredentialProblem('sign-in-needed', 'nobody is signed in', {
    hint: 'Run portcullis login.',
  })
  expect(fieldsFor(problem)).toEqual({
    sqlstate: '28000',
    message: 'nobody is signed in',
    hint: 'Run portcullis login.',
  })
})

test('a gateway that is away is said with where it was looked for', () => {
  const cause = new Error('connect ECONNREFUSED 192.0.2.1:5432')
  const refusal = new Refusal('upstream-unreachable', { logDetail: 'db.example port 5432', cause })
  expect(fieldsFor(refusal)).toMatchObject({
    sqlstate: '08001',
    message: 'could not connect to the gateway',
    detail: 'db.example port 5432: connect ECONNREFUSED 192.0.2.1:5432',
  })
})

test('what another machine says cannot write lines of its own', () => {
  const problem = new CredentialProblem('refused', 'no\nHINT:  run this')
  expect(fieldsFor(problem).message).toBe('no?HINT:  run this')
})

test('a bug is not shown', () => {
  expect(fieldsFor(new Error('secret'))).toEqual({
    sqlstate: 'XX000',
    message: 'internal error of the agent',
  })
})

test('an agent that is going says so', () => {
  expect(fieldsFor(new Refusal('draining'))).toEqual({
    sqlstate: '57P03',
    message: 'the agent is shutting down',
  })
})
