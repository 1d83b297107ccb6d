import { issuersOf } from '../expand-settings.ts'
import type { Finding, View } from './view.ts'

/** Nobody but we issue session tokens: neither their type nor their issuer may be those of a provider. */
export function* checkSessionTokens({ root, integrations, settings }: View): Generator<Finding> {
  for (const [name, { allowed_typ: types = [], issuer }] of integrations) {
    const index = types.findIndex((type) => /^(?:application\/)?ps\+jwt$/i.test(type))
    if (index !== -1) {
      const message = 'is the type of session tokens, which no identity provider issues'
      yield { path: ['integrations', name, 'allowed_typ', index], message }
    }
    if (issuer !== undefined && isOurs(issuer, root.web?.public_url)) {
      yield { path: ['integrations', name, 'issuer'], message: isPagesAddress }
    }
  }
  const names = [
    'server.jwt_authentication.issuers.configuration',
    'server.jwt_authentication.issuers',
  ] as const
  if (!issuersOf(settings).some(({ issuer }) => isOurs(issuer, root.web?.public_url))) return
  const key = names.find((one) => settings[one] !== undefined) ?? names[0]
  yield { path: ['settings', key], message: isPagesAddress }
}

const isPagesAddress =
  'is `web.public_url`, by which Portcullis issues session tokens: name the identity provider'

function isOurs(issuer: string, publicUrl: string | undefined): boolean {
  if (publicUrl === undefined || !URL.canParse(issuer)) return false
  const { origin, pathname } = new URL(issuer)
  return origin === publicUrl && pathname === '/'
}
