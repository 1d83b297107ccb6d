import { expect, test } from 'vitest'
import { TokenSupply } from '../../../src/agent/token-supply.ts'
import type { Grant } from '../../../src/credentials/grant.ts'
import { CredentialProblem } from '../../../src/credentials/problem.ts'

const second = 1_000

/** What has tokens, or the problems that it is given. */
function supply() {
  const said: string[] = []
  const state = {
    now: 0,
    asked: 0,
    lifeMs: 3_600 * second,
    problem: undefined as Error | undefined,
  }
  const keeper = {
    token: async (): Promise<Grant> => {
      state.asked++
      if (state.problem !== undefined) throw state.problem
      const { now, lifeMs, asked } = state
      return Promise.resolve({ token: `token ${asked}`, issuedAt: now, expiresAt: now + lifeMs })
    },
  }
  const tokens = new TokenSupply(
    keeper,
    (line) => said.push(line),
    () => state.now,
  )
  const next = async (): Promise<string> => (await tokens.grant()).token
  return { said, state, next, tokens }
}

test('twenty connections at once ask once, and later ones not at all', async () => {
  const { state, next } = supply()
  const all = await Promise.all(Array.from({ length: 20 }, next))
  expect(new Set(all)).toEqual(new Set(['token 1']))
  expect(await next()).toBe('token 1')
  expect(state.asked).toBe(1)
})

test('it is looked every minute whether it is still to be used', async () => {
  const { state, next } = supply()
  await next()
  state.now = 60 * second - 1
  expect(await next()).toBe('token 1')
  state.now++
  expect(await next()).toBe('token 2')
  // Clocks are set back.
  state.now = 0
  expect(await next()).toBe('token 3')
})

test('half a minute before it ends there is another', async () => {
  const { state, next } = supply()
  state.lifeMs = 80 * second
  await next()
  state.now = 50 * second - 1
  expect(await next()).toBe('token 1')
  state.now++
  expect(await next()).toBe('token 2')
})

test('a token that is good for seconds is used for half of them', async () => {
  const { state, next } = supply()
  state.lifeMs = 10 * second
  await next()
  state.now = 5 * second - 1
  expect(await next()).toBe('token 1')
  state.now++
  expect(await next()).toBe('token 2')
})

test('that somebody has to sign in is said once, and it goes on when they have', async () => {
  const { said, state, next } = supply()
  state.problem = new CredentialProblem('sign-in-needed', 'nobody is signed in', {
    hint: 'Run portcullis login.',
  })
  await expect(next()).rejects.toThrow('nobody is signed in')
  await expect(next()).rejects.toThrow('nobody is signed in')
  expect(said).toEqual(['nobody is signed in. Run portcullis login.'])
  state.problem = undefined
  expect(await next()).toBe('token 3')
  expect(said).toEqual([expect.anything(), 'there is a token again'])
  expect(await next()).toBe('token 3')
  expect(said).toHaveLength(2)
})

test('another problem is said again', async () => {
  const { said, state, next } = supply()
  state.problem = new CredentialProblem('unreachable', 'no network')
  await expect(next()).rejects.toThrow()
  state.problem = new CredentialProblem('refused', 'not you')
  await expect(next()).rejects.toThrow()
  expect(said).toEqual(['no network', 'not you'])
})

test('what went wrong while a token is still good is said once, and not again when it is not', async () => {
  const { said, state, next, tokens } = supply()
  const problem = new CredentialProblem('unreachable', 'no network')
  tokens.warn(problem)
  tokens.warn(problem)
  expect(await next()).toBe('token 1')
  state.now = 61 * second
  state.problem = problem
  await expect(next()).rejects.toThrow('no network')
  expect(said).toEqual(['no network'])
  state.problem = undefined
  await next()
  tokens.warn(problem)
  expect(said).toEqual(['no network', 'there is a token again', 'no network'])
})
