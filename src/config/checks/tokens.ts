import { keySources } from './entries.ts'
import type { Finding, View } from './view.ts'

/** `at+jwt` is a kind and a type: an integration must not refuse by the one all that it takes by the other. */
export function* checkKinds({ integrations }: View): Generator<Finding> {
  for (const [name, { allowed_typ: types, token_kinds: kinds }] of integrations) {
    if (types === undefined || kinds === undefined) continue
    const takesProfile = types.some((type) => /^(?:application\/)?at\+jwt$/i.test(type))
    const isOnlyProfile = takesProfile && types.length === 1
    const possible = kinds.some((kind) => (kind === 'at+jwt' ? takesProfile : !isOnlyProfile))
    if (possible) continue
    const message = takesProfile
      ? 'needs "at+jwt", which is the only type that `allowed_typ` accepts'
      : 'has only "at+jwt", a type that `allowed_typ` does not accept'
    yield { path: ['integrations', name, 'token_kinds'], message }
  }
}

export function* checkIntrospection({ integrations }: View): Generator<Finding> {
  for (const [name, integration] of integrations) {
    const { introspection: asked } = integration
    if (asked === undefined) continue
    const path = ['integrations', name, 'introspection']
    if (integration.token_kinds?.includes('access_token') === false) {
      const message = 'is about access tokens: `token_kinds` must list "access_token"'
      yield { path, message, isAboutKey: true }
    }
    const source = keySources.find((key) => integration[key] !== undefined)
    if (source !== undefined && asked.endpoint === undefined) {
      const why = 'the discovery document, which has it, is not read then'
      yield { path: [...path, 'endpoint'], message: `is required beside \`${source}\`: ${why}` }
    }
    const isOwnClient = asked.client_id !== undefined
    if (isOwnClient !== (asked.client_secret !== undefined)) {
      const missing = isOwnClient ? 'client_secret' : 'client_id'
      const message = `is required beside \`${isOwnClient ? 'client_id' : 'client_secret'}\``
      yield { path: [...path, missing], message }
    }
    const isComplete = ['client_id', 'client_secret'].every((key) => key in integration)
    const hasClient = integration.client_id !== undefined && integration.client_secret !== undefined
    if (isComplete && !isOwnClient && asked.client_secret === undefined && !hasClient) {
      const message =
        'needs `client_id` and `client_secret`, here or of the integration: a provider answers only those whom it knows'
      yield { path, message }
    }
  }
}
