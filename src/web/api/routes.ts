// The sign-in API, for drivers and tools. There is no CORS: no page of another site reads anything of it.
import type { Hono } from 'hono'
import { addressOf } from '../client-address.ts'
import { RequestRate } from '../request-rate.ts'
import type { WebServices } from '../services.ts'
import type { WebEnv } from '../visitor.ts'
import { ApiError } from './api-error.ts'
import { DeviceGrants } from './device.ts'
import { exchange, logOut, refresh } from './exchange.ts'
import { describeApi, describeGateway, publishKeys } from './gateway.ts'
import { type Operation, type OperationName, operations } from './operations.ts'
import { ProviderCalls } from './provider-calls.ts'
import { refuseForeign } from './read-request.ts'
import { type Call, failure } from './respond.ts'
import { beginSignIn, finishSignIn } from './sign-in.ts'

/** Each may make a request to a provider, or verify a signature; an office may share an address. */
const rate = { requests: 100, windowMs: 10_000 }
const retryAfterSeconds = 10

type Handler = (c: Call) => Response | Promise<Response>

/** Whether what is asked for is answered in JSON, whatever is wrong with it. */
export function isApiPath(path: string): boolean {
  return path.startsWith('/v1/') || path.startsWith('/.well-known/')
}

export function apiRoutes(app: Hono<WebEnv>, services: WebServices): void {
  const { publicUrl, isBehindProxy } = services
  const requests = new RequestRate(rate, () => performance.now())
  const calls = new ProviderCalls()
  const devices = new DeviceGrants(services, calls)

  const handlers: Readonly<Record<OperationName, Handler>> = {
    sso_authentication: async (c) => beginSignIn(c, services, calls),
    callback: async (c) => finishSignIn(c, services, calls),
    sso_token: async (c) => exchange(c, services),
    sso_device_grant: async (c) => devices.begin(c),
    sso_device_grant_verify: async (c) => devices.verify(c),
    token_refresh: async (c) => refresh(c, services, calls),
    logout: async (c) => logOut(c, services, calls),
    login: () => {
      throw new ApiError('unsupported_grant_type', 'there is no login by password', {
        hint: 'Passwords are those of roles of PostgreSQL: connect to the database with one, where its pool allows that. For a session token use sso_token, sso_device_grant or sso_authentication.',
      })
    },
    openapi: (c) => describeApi(c, services),
    jwks_uri: async (c) => publishKeys(c, services),
    gateway: (c) => describeGateway(c, services),
  }

  for (const [name, operation] of Object.entries(operations) as [OperationName, Operation][]) {
    const { method, path } = operation
    const allowed =
      method === 'get' && name !== 'callback' ? ['GET', 'HEAD'] : [method.toUpperCase()]
    app.all(path, async (c) => {
      try {
        if (!allowed.includes(c.req.method)) {
          c.header('Allow', allowed.join(', '))
          throw new ApiError('method_not_allowed', `${path} is for ${allowed.join(' and ')}`)
        }
        if (method === 'post' || name === 'callback') {
          if (!requests.take(addressOf(c, isBehindProxy))) throw tooMany()
        }
        if (method === 'post') refuseForeign(c, publicUrl)
        return await handlers[name](c)
      } catch (error) {
        return answer(c, error)
      }
    })
  }

  for (const path of ['/v1/*', '/.well-known/*']) {
    app.all(path, (c) => answer(c, new ApiError('not_found', 'there is no such call')))
  }

  function answer(c: Call, error: unknown): Response {
    if (error instanceof ApiError) return failure(c, error)
    services.onError(error)
    return failure(c, new ApiError('server_error', 'something went wrong: try again in a moment'))
  }
}

export function tooMany(): ApiError {
  return new ApiError('slow_down', 'too many requests', { retryAfterSeconds })
}

export function tooLarge(mostBytes: number): ApiError {
  return new ApiError('too_large', `a request has at most ${mostBytes} bytes`)
}
