import { quote } from '../problem.ts'
import type { Finding, View } from './view.ts'

/** What the pages for sign-in need, and who needs them. */
export function* checkWeb(view: View): Generator<Finding> {
  const { root, pools } = view
  if (!('web' in root)) return
  yield* checkLogout(view)
  const { web: pages, http } = root
  if (pages?.behind_proxy === true && pages.tls !== undefined) {
    yield {
      path: ['web', 'tls'],
      message: 'is not used where a proxy ends TLS: leave it out, or `behind_proxy`',
      isAboutKey: true,
    }
  }
  const isSameSocket =
    pages !== undefined &&
    pages.listen_port !== 0 &&
    pages.listen_port === http?.listen_port &&
    pages.listen_address === http.listen_address
  if (isSameSocket) {
    const message = 'is that of `http`: metrics and pages are never on one socket'
    yield { path: ['web', 'listen_port'], message }
  }
  if (pages?.autologin === true && (pages.integrations?.length ?? 1) !== 1) {
    const message = 'needs one integration alone in `integrations`, to know where to send people'
    yield { path: ['web', 'autologin'], message }
  }
  for (const [name, { sso_integration: integration, sso_flows: flows }] of pools) {
    const isOnly = flows?.every((flow) => flow === 'authorizationCode') === true
    if (pages !== undefined || integration === undefined || !isOnly) continue
    yield {
      path: ['connectivity_pools', name, 'sso_flows'],
      message: `needs \`web\`, by whose pages people sign in to pool ${quote(name)}`,
    }
  }
}

/** By which server a provider says who has signed out, and for whom its tokens are. */
function* checkLogout({ root, integrations }: View): Generator<Finding> {
  for (const [name, integration] of integrations) {
    if (integration.backchannel_logout !== true) continue
    const path = ['integrations', name, 'backchannel_logout']
    if (root.web === undefined) {
      const message = 'needs `web`, whose server takes what the provider says'
      yield { path, message }
    }
    if ('client_id' in integration && integration.client_id === undefined) {
      yield { path, message: 'needs `client_id`, for which logout tokens are' }
    }
  }
}
