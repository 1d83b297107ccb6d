import { quote } from '../problem.ts'
import type { Finding, View } from './view.ts'

/** What the pages for sign-in need, and who needs them. */
export function* checkSignIn({ root, pools }: View): Generator<Finding> {
  if (!('sign_in' in root)) return
  const { sign_in: pages, http } = root
  if (pages?.behind_proxy === true && pages.tls !== undefined) {
    yield {
      path: ['sign_in', 'tls'],
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
    yield { path: ['sign_in', 'listen_port'], message }
  }
  for (const [name, { sso_integration: integration, sso_flows: flows }] of pools) {
    const isOnly = flows?.every((flow) => flow === 'authorizationCode') === true
    if (pages !== undefined || integration === undefined || !isOnly) continue
    yield {
      path: ['connectivity_pools', name, 'sso_flows'],
      message: `needs \`sign_in\`, by whose pages people sign in to pool ${quote(name)}`,
    }
  }
}
