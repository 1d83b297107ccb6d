import type { Context } from 'hono'
import type { WebEnv } from '../visitor.ts'
import type { ApiError } from './api-error.ts'

export type Call = Context<WebEnv>

/** What nobody is to keep: `no-store` is on every answer that does not say otherwise. */
export function failure(c: Call, { code, status, message, details }: ApiError): Response {
  const { sqlstate, hint, doc, reference, retryAfterSeconds, deviceCode, intervalSeconds } = details
  if (status === 401) c.header('WWW-Authenticate', `Bearer realm="portcullis", error="${code}"`)
  if (retryAfterSeconds !== undefined) c.header('Retry-After', String(retryAfterSeconds))
  return c.json(
    {
      error: code,
      error_description: message,
      ...{ sqlstate, hint, doc, reference, device_code: deviceCode, interval: intervalSeconds },
    },
    status,
  )
}
