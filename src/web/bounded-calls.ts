import type { SignInCall, SignInReply } from '../session/pending-sign-ins.ts'

type Call = (call: SignInCall) => Promise<SignInReply>

/** Requests that wait for a session; with more of them, something is amiss with the sessions. */
const maxWaiting = 128

export function boundedCalls(call: Call): Call {
  let waiting = 0
  return async (one) => {
    if (waiting >= maxWaiting) throw new Error('too many requests wait for sessions')
    waiting += 1
    try {
      return await call(one)
    } finally {
      waiting -= 1
    }
  }
}
