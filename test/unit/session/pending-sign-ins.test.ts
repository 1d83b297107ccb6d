import { beforeEach, describe, expect, test } from 'vitest'
import { Refusal } from '../../../src/refusal.ts'
import {
  type PendingSignIn,
  PendingSignIns,
  type SignInOutcome,
  type SignInReply,
  type SignInRequest,
} from '../../../src/session/pending-sign-ins.ts'

const request: SignInRequest = {
  application: 'psql',
  address: '192.0.2.7',
  role: undefined,
  database: 'sandbox',
  pool: 'sso_pool',
  integration: 'people',
  code: 'WDJB-MJHT',
  askedAt: 0,
  expiresAt: 300_000,
}
const admitted: SignInOutcome = { kind: 'admitted', principal: 'alice', role: 'app_readonly' }
const denied: SignInOutcome = {
  kind: 'refused',
  reason: 'sign-in-disowned',
  fault: 'client',
  message: 'no',
}

let signIns: PendingSignIns
let pending: PendingSignIn
let begun: number

beforeEach(() => {
  signIns = new PendingSignIns()
  begun = 0
  pending = add()
})

function add(): PendingSignIn {
  return signIns.add(request, async () => {
    begun++
    const state = `state-${begun}`
    return Promise.resolve({
      url: `https://issuer.example/auth?state=${state}`,
      state,
      ...{ nonce: 'nonce', verifier: 'verifier', redirectUri: 'https://gate.example/callback' },
    })
  })
}

async function look(browser?: string): Promise<SignInReply> {
  return signIns.call({ kind: 'look', id: pending.id, browser })
}

async function take(browser: string): Promise<SignInReply> {
  return signIns.call({ kind: 'take', id: pending.id, browser })
}

async function disown(browser: string): Promise<SignInReply> {
  return signIns.call({ kind: 'disown', id: pending.id, browser })
}

async function answer(browser: string | undefined, state = 'state-1'): Promise<SignInReply> {
  const query = `?code=c&state=${state}`
  return signIns.call({ kind: 'answer', state, query, browser, address: '192.0.2.8' })
}

const waitingFor = (holder: string): object => ({ kind: 'waiting', request, holder })

describe('a sign-in that waits', () => {
  test('has an id that nobody guesses', () => {
    expect(pending.id).toMatch(/^[\w-]{32}$/)
    expect(add().id).not.toBe(pending.id)
  })

  test('is shown to whoever has its id', async () => {
    expect(await look()).toEqual(waitingFor('nobody'))
    expect(await look('mine')).toEqual(waitingFor('nobody'))
    expect(begun).toBe(0)
  })

  test('sends the first browser to the provider, and no other', async () => {
    expect(await take('mine')).toEqual({
      kind: 'sent',
      id: pending.id,
      url: 'https://issuer.example/auth?state=state-1',
    })
    expect(await take('theirs')).toEqual(waitingFor('another-browser'))
    expect(await look('theirs')).toEqual(waitingFor('another-browser'))
    expect(await look()).toEqual(waitingFor('another-browser'))
    expect(await look('mine')).toEqual(waitingFor('this-browser'))
    expect(begun).toBe(1)
  })

  test('sends only one of two browsers that come at the same moment', async () => {
    const replies = await Promise.all([take('mine'), take('theirs')])
    expect(replies.map(({ kind }) => kind)).toEqual(['sent', 'waiting'])
  })

  test('lets its browser begin again, which makes void what it began before', async () => {
    await take('mine')
    expect(await take('mine')).toMatchObject({
      kind: 'sent',
      url: 'https://issuer.example/auth?state=state-2',
    })
    expect(await answer('mine', 'state-1')).toEqual({ kind: 'unknown' })
    const replied = answer('mine', 'state-2')
    expect(await pending.answered).toMatchObject({ authorization: { state: 'state-2' } })
    pending.end(admitted)
    expect(await replied).toMatchObject({ kind: 'over' })
  })

  test('gives the session the answer of its browser, and the browser what came of it', async () => {
    await take('mine')
    const replied = answer('mine')
    expect(await pending.answered).toMatchObject({
      kind: 'provider',
      authorization: { state: 'state-1' },
      query: '?code=c&state=state-1',
      address: '192.0.2.8',
    })
    pending.end(admitted)
    expect(await replied).toEqual({ kind: 'over', id: pending.id, outcome: admitted })
    expect(await look('mine')).toEqual({ kind: 'over', id: pending.id, outcome: admitted })
  })

  test.each([
    ['another browser', 'theirs'],
    ['a browser without a cookie', undefined],
  ])('ends when %s comes back', async (_, browser) => {
    await take('mine')
    expect(await answer(browser)).toEqual({ kind: 'another-browser' })
    await expect(pending.answered).rejects.toMatchObject({ reason: 'sign-in-other-browser' })
    expect(await answer('mine')).toEqual({ kind: 'unknown' })
  })

  test('takes one answer', async () => {
    await take('mine')
    void answer('mine')
    expect(await answer('mine')).toEqual({ kind: 'unknown' })
    expect(await take('mine')).toEqual(waitingFor('this-browser'))
    expect(await disown('mine')).toEqual(waitingFor('this-browser'))
    expect(begun).toBe(1)
  })

  test('takes no answer of a state that it did not give out', async () => {
    expect(await answer('mine')).toEqual({ kind: 'unknown' })
    await take('mine')
    expect(await answer('mine', 'state-2')).toEqual({ kind: 'unknown' })
    expect(await look('mine')).toEqual(waitingFor('this-browser'))
  })

  test.each(['mine', 'theirs'])('may be disowned by the browser "%s"', async (browser) => {
    await take('mine')
    const replied = disown(browser)
    const error: unknown = await pending.answered.catch((one: unknown) => one)
    expect(error).toBeInstanceOf(Refusal)
    expect(error).toMatchObject({ reason: 'sign-in-disowned' })
    pending.end(denied)
    expect(await replied).toEqual({ kind: 'over', id: pending.id, outcome: denied })
  })

  test('that ended otherwise while it was disowned does not say how', async () => {
    const replied = disown('theirs')
    pending.end({ kind: 'gone' })
    expect(await replied).toEqual({ kind: 'over', id: pending.id, outcome: undefined })
  })

  test('that ended while its browser was sent away is over', async () => {
    const replied = take('mine')
    pending.end({ kind: 'gone' })
    expect(await replied).toEqual({ kind: 'over', id: pending.id, outcome: { kind: 'gone' } })
    expect(await answer('mine')).toEqual({ kind: 'unknown' })
  })

  test('that was disowned while its browser was sent away is not begun', async () => {
    const replied = take('mine')
    void disown('theirs')
    expect(await replied).toEqual(waitingFor('this-browser'))
    expect(await answer('mine')).toEqual({ kind: 'unknown' })
  })
})

describe('a sign-in that is over', () => {
  test('tells its outcome to its browser alone', async () => {
    await take('mine')
    pending.end(admitted)
    const nothing = { kind: 'over', id: pending.id, outcome: undefined }
    expect(await look('mine')).toEqual({ ...nothing, outcome: admitted })
    expect(await take('mine')).toEqual({ ...nothing, outcome: admitted })
    expect(await look('theirs')).toEqual(nothing)
    expect(await disown('theirs')).toEqual(nothing)
    expect(await look()).toEqual(nothing)
    expect(await answer('mine')).toEqual({ kind: 'unknown' })
  })

  test('that no browser had tells its outcome to nobody', async () => {
    pending.end({ kind: 'gone' })
    expect(await look()).toEqual({ kind: 'over', id: pending.id, outcome: undefined })
  })

  test('is not mixed up with another', async () => {
    const another = add()
    another.end(admitted)
    expect(await look()).toEqual(waitingFor('nobody'))
    expect(await signIns.call({ kind: 'look', id: 'made-up', browser: 'mine' })).toEqual({
      kind: 'unknown',
    })
  })
})

test('one that nobody waits for any more may be refused, and nothing else comes of it', async () => {
  const unhandled: unknown[] = []
  const listener = (error: unknown): void => {
    unhandled.push(error)
  }
  process.on('unhandledRejection', listener)
  try {
    const left = add()
    const refused = signIns.call({ kind: 'disown', id: left.id, browser: 'mine' })
    left.end(denied)
    await refused
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual([])
  } finally {
    process.off('unhandledRejection', listener)
  }
})

describe('a code', () => {
  const find = async (code: string, browser = 'mine'): Promise<SignInReply> =>
    signIns.call({ kind: 'find', code, browser })

  test('finds the client that shows it, and no other', async () => {
    expect(await find('WDJB-MJHT')).toEqual({
      kind: 'found',
      id: pending.id,
      request,
      holder: 'nobody',
    })
    expect(await find('WDJB-MJHX')).toEqual({ kind: 'unknown' })
    expect(await find('')).toEqual({ kind: 'unknown' })
  })

  test('says whether another browser has it', async () => {
    await take('mine')
    expect(await find('WDJB-MJHT')).toMatchObject({ holder: 'this-browser' })
    expect(await find('WDJB-MJHT', 'theirs')).toMatchObject({ holder: 'another-browser' })
  })

  test('that two clients show finds neither', async () => {
    add()
    expect(await find('WDJB-MJHT')).toEqual({ kind: 'unknown' })
  })

  test('finds nothing that is over', async () => {
    pending.end(admitted)
    expect(await find('WDJB-MJHT')).toEqual({ kind: 'unknown' })
  })
})

describe('somebody who is signed in already', () => {
  const address = '192.0.2.8'
  const approve = async (browser: string, id = pending.id): Promise<SignInReply> =>
    signIns.call({ kind: 'approve', id, browser, token: 'a session token', address })

  test('gives the session a token, and is told what came of it', async () => {
    const replied = approve('mine')
    expect(await pending.answered).toEqual({ kind: 'session', token: 'a session token', address })
    pending.end(admitted)
    expect(await replied).toEqual({ kind: 'over', id: pending.id, outcome: admitted })
    expect(await look('mine')).toEqual({ kind: 'over', id: pending.id, outcome: admitted })
    expect(await look('theirs')).toEqual({ kind: 'over', id: pending.id, outcome: undefined })
  })

  test('may do so in the browser that was sent to the provider, which then comes too late', async () => {
    await take('mine')
    const replied = approve('mine')
    expect(await pending.answered).toMatchObject({ kind: 'session' })
    expect(await answer('mine')).toEqual({ kind: 'unknown' })
    pending.end(admitted)
    await replied
  })

  test('cannot approve what another browser has begun', async () => {
    await take('mine')
    expect(await approve('theirs')).toEqual(waitingFor('another-browser'))
    const replied = answer('mine')
    expect(await pending.answered).toMatchObject({ kind: 'provider' })
    pending.end(admitted)
    await replied
  })

  test('keeps others from it by approving it', async () => {
    const replied = approve('mine')
    expect(await take('theirs')).toEqual(waitingFor('another-browser'))
    expect(await approve('theirs')).toEqual(waitingFor('another-browser'))
    pending.end(admitted)
    await replied
  })

  test('approves it once', async () => {
    const replied = approve('mine')
    expect(await approve('mine')).toEqual(waitingFor('this-browser'))
    expect(await disown('mine')).toEqual(waitingFor('this-browser'))
    pending.end(admitted)
    await replied
  })

  test('cannot approve what somebody has refused', async () => {
    const refused = disown('mine')
    expect(await approve('mine')).toEqual(waitingFor('nobody'))
    await expect(pending.answered).rejects.toMatchObject({ reason: 'sign-in-disowned' })
    pending.end(denied)
    await refused
    expect(await look('mine')).toEqual({ kind: 'over', id: pending.id, outcome: undefined })
  })

  test('cannot approve what is not there', async () => {
    expect(await approve('mine', 'x'.repeat(32))).toEqual({ kind: 'unknown' })
  })
})
