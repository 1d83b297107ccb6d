// Sign-in by way of our own pages: they show who asks, before anybody is sent to the provider.
import { randomInt } from 'node:crypto'
import {
  authorizationEndpoints,
  beginAuthorization,
  redeemAuthorization,
} from '../identity/authorization-code.ts'
import type { IssuerKeys } from '../identity/discovery.ts'
import type { SignInProvider } from '../identity/sign-in-provider.ts'
import { ConnectionLost } from '../wire/packet-reader.ts'
import type { SignInOutcome } from './pending-sign-ins.ts'
import { errorFor, toRefusal } from './refuse.ts'
import { callbackPath, pagePath } from './sign-in-paths.ts'
import type { Login } from './login.ts'
import type { SignInWay } from './sign-in-way.ts'

/** RFC 8628, 6.1: no vowels, which make words, and nothing that looks like something else. */
const codeLetters = 'BCDFGHJKLMNPQRSTVWXZ'

/** Throws where the provider does not know the flow, before anybody is asked to sign in. */
export function beginPageSignIn(
  { attempt: { intent, facts }, pool, rules, services }: Login,
  keys: IssuerKeys,
  provider: SignInProvider,
): SignInWay {
  const { signInPages: pages } = rules
  if (pages === undefined) throw new Error('there are no pages to sign in on')
  authorizationEndpoints(keys)
  const userCode = randomCode()
  const askedAt = services.now().getTime()
  const redirectUri = `${pages.origin}${callbackPath}`
  const pending = services.pendingSignIns.add(
    {
      application: intent.applicationName,
      address: facts.peer.address,
      role: intent.role,
      database: intent.database,
      pool: pool.name,
      integration: facts.integration ?? '',
      code: userCode,
      askedAt,
      expiresAt: askedAt + rules.timeouts.signInMs,
    },
    async () => beginAuthorization(keys, provider, redirectUri),
  )
  return {
    userCode,
    address: `${pages.origin}${pagePath(pending.id)}`,
    devicePage: pages.devicePage,
    lifetimeMs: rules.timeouts.signInMs,
    token: async () => {
      const answer = await pending.answered
      facts.browserAddress = answer.address
      if (answer.kind === 'session') return answer.token
      const { authorization, query } = answer
      const { idToken } = await redeemAuthorization(keys, provider, authorization, query)
      return idToken
    },
    admitted: (role) => {
      pending.end({ kind: 'admitted', principal: facts.identity?.principal ?? '', role })
    },
    refused: (error) => {
      pending.end(outcomeOf(error))
    },
  }

  /** By the rule of the client: what it is not told, the page does not say. */
  function outcomeOf(error: unknown): SignInOutcome {
    if (error instanceof ConnectionLost) return { kind: 'gone' }
    const refusal = toRefusal(error)
    const { message, detail, hint } = errorFor(refusal, facts)
    const { reason, fault } = refusal
    return { kind: 'refused', reason, fault, message, detail, hint }
  }
}

/** Two groups of four letters: 34 bits, which only tell apart what somebody looks at. */
function randomCode(): string {
  const letters = Array.from({ length: 8 }, () => codeLetters.charAt(randomInt(codeLetters.length)))
  return `${letters.slice(0, 4).join('')}-${letters.slice(4).join('')}`
}
