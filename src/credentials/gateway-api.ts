// The sign-in API of a gateway, as its OpenAPI document has it: what is asked of it, and what may be read of answers.
import { boundedRequest } from '../identity/bounded-fetch.ts'
import { isRecord, looksLikeToken } from '../identity/token-shape.ts'
import { until } from './deadline.ts'
import { type GatewayError, GatewayRefusal } from './gateway-refusal.ts'
import type { Grant } from './grant.ts'
import { makeGrant } from './make-grant.ts'
import type { FindNetwork } from './network.ts'

/** For which database, and by which integration where it is not the usual one. */
export interface GatewayScope {
  readonly database?: string | undefined
  readonly integration?: string | undefined
}

/** A sign-in on another device that was begun. */
export interface GatewayDevice {
  readonly userCode: string
  readonly verificationUri: string
  readonly completeUri: string | undefined
  readonly lifetimeMs: number
  /** Changes with every question. */
  readonly deviceCode: string
}

export type DeviceProgress =
  | { readonly kind: 'signed-in'; readonly grant: Grant }
  | { readonly kind: 'pending'; readonly device: GatewayDevice }
  /** To be asked again, and not before. */
  | { readonly kind: 'later'; readonly afterMs: number }

export interface GatewayApi {
  /** The description of `/.well-known/portcullis`, as it came. */
  describe(signal: AbortSignal): Promise<unknown>
  /** The session token for a token of a provider. */
  exchange(token: string, scope: GatewayScope, signal: AbortSignal): Promise<Grant>
  /** Another session token; undefined where somebody has to sign in again. */
  refresh(last: Grant, scope: GatewayScope, signal: AbortSignal): Promise<Grant | undefined>
  beginDevice(scope: GatewayScope, signal: AbortSignal): Promise<GatewayDevice>
  verifyDevice(device: GatewayDevice, signal: AbortSignal): Promise<DeviceProgress>
  /** Revokes a session token, and ends its sessions. */
  logout(last: Grant, signal: AbortSignal): Promise<void>
}

interface Asked {
  readonly body: object
  readonly bearer?: string | undefined
  readonly waitMs?: number
}

type Answer = Readonly<Record<string, unknown>>

/** For how long the gateway waits for somebody: less than proxies let a request take. */
const waitSeconds = 25
const usualRetryMs = 5_000
/** What databases without integrations of their own are. */
const systemScope = 'system'
const longestName = 63

/** Throws a GatewayRefusal where the gateway says no. */
export function gatewayApi(
  gateway: string,
  network: FindNetwork,
  now: () => number = Date.now,
): GatewayApi {
  const send = async (
    path: string,
    asked: Asked | undefined,
    signal: AbortSignal,
  ): Promise<unknown> => {
    const { customCa, limits, proxy } = await network()
    const { body, bearer, waitMs = 0 } = asked ?? {}
    const headers = {
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
    }
    const request =
      body === undefined
        ? ({ method: 'GET', headers } as const)
        : ({ method: 'POST', headers, body: JSON.stringify(body) } as const)
    const longer = { ...limits, timeoutMs: limits.timeoutMs + waitMs }
    const response = await until(
      boundedRequest(gateway + path, request, longer, customCa, { proxy }),
      signal,
    )
    const said = parse(await response.text())
    if (response.status === 200 && said !== undefined) return said
    throw new GatewayRefusal(response.status, errorIn(said))
  }
  const post = async (path: string, asked: Asked, signal: AbortSignal): Promise<Answer> => {
    const answer = await send(`/v1/${path}`, asked, signal)
    if (isRecord(answer)) return answer
    throw new GatewayRefusal(200, undefined)
  }
  const grantIn = (answer: Answer, last?: Grant): Grant => {
    const seconds = numberIn(answer, 'expires_in')
    const user = nameIn(answer['username'])
    const roles = Array.isArray(answer['roles'])
      ? (answer['roles'] as readonly unknown[]).map(nameIn).filter((name) => name !== undefined)
      : undefined
    const refreshToken = textIn(answer, 'refresh_token') ?? last?.refreshToken
    const facts = {
      expiresAt: seconds === undefined ? undefined : now() + seconds * 1_000,
      principal: textIn(answer, 'principal') ?? last?.principal,
      refreshToken,
    }
    const grant = makeGrant(textIn(answer, 'access_token') ?? '', facts, gateway, now())
    return { ...grant, ...(user !== undefined && { user }), ...(roles !== undefined && { roles }) }
  }

  return {
    describe: async (signal) => send('/.well-known/portcullis', undefined, signal),
    exchange: async (token, { database = systemScope, integration }, signal) => {
      // A JWT is taken as what it says that it is; about whatever else the provider is asked.
      const given = looksLikeToken(token) ? { id_token: token } : { access_token: token }
      const body = { database, integration, ...given }
      return grantIn(await post('sso_token', { body }, signal))
    },
    refresh: async (last, { database }, signal) => {
      // The session token may have expired: the refresh token is enough.
      const body = { database, refresh_token: last.refreshToken }
      try {
        return grantIn(await post('token_refresh', { body }, signal), last)
      } catch (error) {
        if (error instanceof GatewayRefusal && isOver.has(error.code ?? '')) return undefined
        throw error
      }
    },
    beginDevice: async (scope, signal) => {
      const answer = await post('sso_device_grant', { body: scope }, signal)
      return {
        userCode: textIn(answer, 'user_code') ?? '',
        verificationUri: textIn(answer, 'verification_uri') ?? '',
        completeUri: textIn(answer, 'verification_uri_complete'),
        lifetimeMs: (numberIn(answer, 'expires_in') ?? 0) * 1_000,
        deviceCode: textIn(answer, 'device_code') ?? '',
      }
    },
    verifyDevice: async (device, signal) => {
      const { userCode, deviceCode } = device
      const body = { user_code: userCode, device_code: deviceCode, timeout: waitSeconds }
      const asked = { body, waitMs: waitSeconds * 1_000 }
      try {
        return {
          kind: 'signed-in',
          grant: grantIn(await post('sso_device_grant_verify', asked, signal)),
        }
      } catch (error) {
        if (!(error instanceof GatewayRefusal)) throw error
        if (error.code === 'authorization_pending') {
          return {
            kind: 'pending',
            device: { ...device, deviceCode: error.deviceCode ?? deviceCode },
          }
        }
        if (error.code === 'slow_down' || error.code === 'temporarily_unavailable') {
          return { kind: 'later', afterMs: usualRetryMs }
        }
        throw error
      }
    },
    logout: async ({ token, refreshToken, expiresAt }, signal) => {
      const body = { refresh_token: refreshToken }
      // An expired one is good for nothing anyway, and is refused.
      const bearer = expiresAt > now() ? token : undefined
      await post('logout', { body, bearer }, signal)
    },
  }
}

/** What a session or refresh token is answered with that is of no use any more. */
const isOver: ReadonlySet<string> = new Set(['expired_token', 'invalid_token', 'conflict'])

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function errorIn(said: unknown): GatewayError | undefined {
  if (!isRecord(said)) return undefined
  const code = textIn(said, 'error')
  if (code === undefined) return undefined
  return {
    code,
    description: textIn(said, 'error_description'),
    hint: textIn(said, 'hint'),
    reference: textIn(said, 'reference'),
    deviceCode: textIn(said, 'device_code'),
  }
}

function textIn(answer: Answer, name: string): string | undefined {
  const value = answer[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function numberIn(answer: Answer, name: string): number | undefined {
  const value = answer[name]
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
}

/** It becomes part of files and variables: nothing that could end a line there. */
function nameIn(value: unknown): string | undefined {
  const isName =
    typeof value === 'string' &&
    value !== '' &&
    value.length <= longestName &&
    !/\p{Cc}/u.test(value)
  return isName ? value : undefined
}
