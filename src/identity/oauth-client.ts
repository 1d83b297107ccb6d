// We as a client of a provider (RFC 6749, 2.3), as openid-client wants it.
import {
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type CustomFetch,
  type CustomFetchOptions,
  None,
} from 'openid-client'
import { type BoundedRequest, boundedRequest } from './bounded-fetch.ts'
import type { ProviderAccess } from './provider-access.ts'

export interface OauthClient {
  readonly id: string
  readonly secret: string | undefined
  readonly authentication: 'basic' | 'post' | 'none'
}

export function authenticationOf({ secret, authentication }: OauthClient): ClientAuth {
  if (authentication === 'none' || secret === undefined) return None()
  return authentication === 'basic' ? ClientSecretBasic(secret) : ClientSecretPost(secret)
}

/** Sends forms, and nothing else, within the limits of the provider. */
export function formFetch({
  limits,
  customCa,
  proxy,
}: Pick<ProviderAccess, 'customCa' | 'limits' | 'proxy'>): CustomFetch {
  return async (url, options) =>
    boundedRequest(url, toRequest(options), limits, customCa, { proxy })
}

function toRequest({ headers, body }: CustomFetchOptions): BoundedRequest {
  if (!(body instanceof URLSearchParams)) throw new Error('a grant request is a form')
  return { method: 'POST', headers, body: body.toString() }
}
