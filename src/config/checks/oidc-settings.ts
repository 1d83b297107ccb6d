import { namesForPeople } from '../expand-oidc-settings.ts'
import { quote } from '../problem.ts'
import type { Finding, View } from './view.ts'

const enabled = 'server.oidc_authentication.enabled'
const redirectUrl = 'server.oidc_authentication.redirect_url'
const callback = '/oidc/v1/callback'

/** What CockroachDB's settings for people with a browser mean to the pages. */
export function* checkOidcSettings(view: View): Generator<Finding> {
  const { root, settings } = view
  for (const name of namesForPeople(settings)) {
    if (!view.integrations.has(name)) continue
    const message = `is the name of an integration that \`settings\` make: choose another one`
    yield { path: ['integrations', name], message, isAboutKey: true }
  }
  if (settings[enabled] !== true || !('web' in root)) return
  if (root.web === undefined) {
    yield { path: ['settings', enabled], message: 'needs `web`, on whose pages people sign in' }
    return
  }
  const message = faultOfRedirect(view, `${root.web.public_url}${callback}`)
  if (message !== undefined) yield { path: ['settings', redirectUrl], message }
}

function faultOfRedirect({ root, settings }: View, own: string): string | undefined {
  const redirects = settings[redirectUrl]
  if (redirects === undefined) return undefined
  const { region } = root
  const { byRegion } = redirects
  let { url } = redirects
  if (byRegion !== undefined) {
    if (region === undefined) {
      return 'OIDC: redirect URL config expects region setting, which is unset: set `region` to that of this node'
    }
    url = byRegion.find((one) => one.region === region)?.url
    if (url === undefined) {
      return `OIDC: no matching redirect URL found for region ${quote(region)}`
    }
  }
  if (url === undefined || url === own) return undefined
  return 'must be `web.public_url` with `/oidc/v1/callback` behind it, where people come back to'
}
