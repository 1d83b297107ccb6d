// Providers give native applications a secret too, and refuse whoever shows it: such a client is public
// (RFC 8252 8.5), and the secret of the configuration is for the flows that take it.
import type { CustomFetch, CustomFetchOptions } from 'openid-client'
import { isRecord } from './token-shape.ts'

/**
 * Says a request that was refused for its client again without the secret. Where that helps, no secret is
 * sent from then on; where it does not, the first answer stands.
 */
export function withoutSecretIfRefused(post: CustomFetch, clientId: string): CustomFetch {
  let isPublic = false
  return async (url, options) => {
    const asPublic = withoutSecret(options, clientId)
    if (asPublic === undefined) return post(url, options)
    if (isPublic) return post(url, asPublic)
    const answer = await post(url, options)
    if (!(await refusesClient(answer))) return answer
    const second = await post(url, asPublic)
    isPublic = !(await refusesClient(second))
    return isPublic ? second : answer
  }
}

/** Nothing, where the request has no secret in its header. */
function withoutSecret(
  { headers, body, ...options }: CustomFetchOptions,
  clientId: string,
): CustomFetchOptions | undefined {
  const { authorization, ...others } = headers
  if (authorization === undefined || !(body instanceof URLSearchParams)) return undefined
  const form = new URLSearchParams(body)
  form.set('client_id', clientId)
  return { ...options, headers: others, body: form }
}

/** RFC 6749 5.2; `invalid_request` is from those who look for the client in the form alone. */
const refusals = new Set<unknown>(['invalid_client', 'invalid_request'])

async function refusesClient(answer: Response): Promise<boolean> {
  if (answer.ok) return false
  const said: unknown = await answer
    .clone()
    .json()
    .catch(() => undefined)
  return isRecord(said) && refusals.has(said['error'])
}
