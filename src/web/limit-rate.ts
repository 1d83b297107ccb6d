import type { Context, MiddlewareHandler } from 'hono'
import { addressOf, type Env } from './client-address.ts'
import { type RateLimit, RequestRate } from './request-rate.ts'

/** Answers in place of the app where one address asks too often. */
export function limitRate<E extends Env>(
  limit: RateLimit,
  isBehindProxy: boolean,
  answer: (c: Context<E>) => Response | Promise<Response>,
): MiddlewareHandler<E> {
  const requests = new RequestRate(limit, () => performance.now())
  return async (c, next) => {
    if (requests.take(addressOf(c, isBehindProxy))) {
      await next()
      return undefined
    }
    c.header('Retry-After', String(Math.ceil(limit.windowMs / 1_000)))
    return answer(c)
  }
}
