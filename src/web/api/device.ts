// Sign-in on another device (RFC 8628), for tools: what the provider knows it by is sealed and given to the tool, so
// that any node can go on.
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { getCookie } from 'hono/cookie'
import { LRUCache } from 'lru-cache'
import { askAboutDevice, type GrantedTokens } from '../../identity/ask-token-endpoint.ts'
import { beginDeviceGrant } from '../../identity/device-grant.ts'
import { cookiePrefix, dropCookie, fits, keepCookie } from '../people/cookies.ts'
import type { WebServices } from '../services.ts'
import { ApiError } from './api-error.ts'
import { callerOf, learn, told } from './caller.ts'
import { issue, sessionTokens } from './issue.ts'
import { LongPolls } from './long-polls.ts'
import { operations } from './operations.ts'
import type { ProviderCalls } from './provider-calls.ts'
import { integrationNamed, providerOf } from './provider-of.ts'
import { readBody } from './read-request.ts'
import { sealRefresh } from './refresh-token.ts'
import type { Call } from './respond.ts'
import { integrationToSignIn, isOpaque, verify } from './verify.ts'

interface DeviceState {
  readonly integration: string
  readonly database: string
  readonly userCode: string
  readonly deviceCode: string
  readonly lifetimeMs: number
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  readonly intervalMs: number
  readonly verifier: string | undefined
  /** Before then the provider is not asked. */
  readonly notBefore: number
}

const purpose = 'device grant'
export const deviceCookie = `${cookiePrefix}device`
/** RFC 8628, 3.5. */
const slowDownMs = 5_000
const longestIntervalMs = 60_000
/** A provider that is away for a moment must not end a wait. */
const mostFailures = 3
/** Grants that this node has asked about, however old what somebody brings. */
const mostRemembered = 10_000

export class DeviceGrants {
  readonly #services: WebServices
  readonly #calls: ProviderCalls
  readonly #polls = new LongPolls()
  readonly #notBefore = new LRUCache<string, number>({ max: mostRemembered })

  constructor(services: WebServices, calls: ProviderCalls) {
    this.#services = services
    this.#calls = calls
  }

  async begin(c: Call): Promise<Response> {
    const services = this.#services
    const asked = await readBody(c, operations.sso_device_grant.body)
    sessionTokens(services)
    const caller = callerOf(c, services, 'device')
    return told(services, caller, async () => {
      const integration = integrationToSignIn(caller, services.rules(), asked)
      const grant = await this.#calls.run(async () => {
        const { keys, provider } = await providerOf(services, integration)
        return beginDeviceGrant(keys, provider)
      })
      const { userCode, deviceCode, lifetimeMs, intervalMs, verifier } = grant
      const now = services.now().getTime()
      const state: DeviceState = {
        integration: integration.name,
        database: asked.database,
        ...{ userCode, deviceCode, lifetimeMs, intervalMs, verifier },
        expiresAt: now + lifetimeMs,
        notBefore: now + intervalMs,
      }
      const sealed = await this.#keep(c, state)
      return c.json({
        verification_uri: grant.verificationUri,
        ...(grant.completeUri !== undefined && { verification_uri_complete: grant.completeUri }),
        user_code: userCode,
        device_code: sealed,
        expires_in: Math.floor(lifetimeMs / 1_000),
        interval: intervalMs / 1_000,
        database: asked.database,
        integration: integration.name,
      })
    })
  }

  async verify(c: Call): Promise<Response> {
    const services = this.#services
    const asked = await readBody(c, operations.sso_device_grant_verify.body)
    sessionTokens(services)
    const state = await this.#find(c, asked)
    const caller = callerOf(c, services, 'device')
    const leave = this.#polls.enter(hashOf(state), caller.facts.peer.address)
    try {
      return await told(services, caller, async () => {
        const integration = integrationNamed(services, state.integration)
        caller.facts.integration = integration.name
        const { database } = state
        caller.facts.requested = { user: '', database, applicationName: '' }
        const { token, refreshToken } = await this.#wait(c, state, asked.timeout * 1_000)
        dropCookie(c, deviceCookie)
        const given = { token, isAccessToken: isOpaque(token) }
        const verified = await verify(services, caller, integration, given)
        learn(caller, verified.identity)
        const { bounds, lifetime } = asked
        const issued = await issue(services, caller, verified, { database, bounds, lifetime })
        const sealed = await sealRefresh(services, verified.identity, bounds, refreshToken)
        return c.json({ ...issued, ...(sealed !== undefined && { refresh_token: sealed }) })
      })
    } finally {
      leave()
    }
  }

  async #find(
    c: Call,
    asked: { user_code: string; device_code?: string | undefined; database?: string | undefined },
  ): Promise<DeviceState> {
    const { sealer, now } = this.#services
    const sealed = asked.device_code ?? getCookie(c, deviceCookie)
    if (sealed === undefined) {
      throw new ApiError(
        'invalid_request',
        'device_code: is needed, or the cookie that came with it',
      )
    }
    // What we have sealed has the shape that we gave it.
    const state = (await sealer.open(purpose, sealed)) as DeviceState | undefined
    if (state === undefined || now().getTime() >= state.expiresAt) throw over()
    if (plain(asked.user_code) !== plain(state.userCode)) {
      throw new ApiError('invalid_request', 'user_code: is that of another sign-in')
    }
    if (asked.database !== undefined && asked.database !== state.database) {
      throw new ApiError('conflict', `the sign-in was begun for another database`)
    }
    return state
  }

  /** Asks as often as it may until there is an answer, or the time is over. */
  async #wait(c: Call, begun: DeviceState, timeoutMs: number): Promise<GrantedTokens> {
    const services = this.#services
    const deadline = Math.min(services.now().getTime() + timeoutMs, begun.expiresAt)
    const gone = AbortSignal.any([services.draining, c.req.raw.signal])
    const grant = hashOf(begun)
    const known = this.#notBefore.get(grant) ?? 0
    let state: DeviceState = { ...begun, notBefore: Math.max(begun.notBefore, known) }
    let failures = 0
    for (;;) {
      const isLate = state.notBefore > deadline
      await pause(Math.min(state.notBefore, deadline) - services.now().getTime(), gone)
      if (services.draining.aborted) {
        throw new ApiError('temporarily_unavailable', 'the gateway is shutting down: call again', {
          retryAfterSeconds: 1,
        })
      }
      if (isLate || gone.aborted) throw await this.#pending(c, state)
      // Before there is an answer: whoever asks meanwhile waits, too.
      this.#notBefore.set(grant, services.now().getTime() + state.intervalMs)
      const integration = integrationNamed(services, state.integration)
      const answer = await this.#calls.run(async () => {
        const { keys, provider } = await providerOf(services, integration)
        return askAboutDevice(keys, provider, state)
      })
      if (answer.kind === 'signed-in') return answer.tokens
      if (answer.kind === 'gone') throw over()
      failures = answer.kind === 'unanswered' ? failures + 1 : 0
      if (answer.kind === 'unanswered' && failures > mostFailures) throw answer.refusal
      const slower = answer.kind === 'pending' ? 0 : slowDownMs
      const intervalMs = Math.min(state.intervalMs + slower, longestIntervalMs)
      const notBefore = services.now().getTime() + intervalMs
      this.#notBefore.set(grant, notBefore)
      state = { ...state, intervalMs, notBefore }
    }
  }

  async #pending(c: Call, state: DeviceState): Promise<ApiError> {
    if (this.#services.now().getTime() >= state.expiresAt) return over()
    return new ApiError('authorization_pending', 'nobody has signed in yet: call again', {
      deviceCode: await this.#keep(c, state),
      intervalSeconds: state.intervalMs / 1_000,
    })
  }

  /** For those who bring cookies, too. */
  async #keep(c: Call, state: DeviceState): Promise<string> {
    const { sealer, now } = this.#services
    const sealed = await sealer.seal(purpose, state, state.expiresAt)
    if (fits(deviceCookie, sealed)) {
      keepCookie(c, deviceCookie, sealed, state.expiresAt - now().getTime())
    }
    return sealed
  }
}

function over(): ApiError {
  return new ApiError('expired_token', 'this sign-in is over: begin another one')
}

/** Nobody reads hyphens out, and people write small letters. */
function plain(code: string): string {
  return code.replaceAll(/[-\s]/g, '').toUpperCase()
}

function hashOf({ deviceCode }: DeviceState): string {
  return createHash('sha256').update(deviceCode).digest('base64url')
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return
  await delay(ms, undefined, { signal }).catch(() => {})
}
