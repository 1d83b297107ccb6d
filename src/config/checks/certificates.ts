import { hostsOf, isSocketHost } from '../upstream-hosts.ts'
import type { Finding, View } from './view.ts'

/** The certificate proves the role to whoever ends TLS, which has to be the server. */
export function* checkCertificateUpstreams(view: View): Generator<Finding> {
  for (const [name, { upstream }] of view.databases) {
    if (upstream?.auth.method !== 'certificate' || upstream.tls.startsWith('verify-')) continue
    if (hostsOf(upstream).some(({ host }) => isSocketHost(host))) continue
    const message =
      'must be "verify-full" or "verify-ca" with the method "certificate": it is TLS that proves the role, and to the right server alone'
    yield { path: ['databases', name, 'upstream', 'tls'], message }
  }
}
