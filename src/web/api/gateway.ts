// What anybody may know: where the API and the databases are reached, how people sign in, and by which keys session
// tokens are verified.
import type { z } from 'zod'
import { systemScope } from '../../policy/catalog.ts'
import type { WebServices } from '../services.ts'
import { sessionTokens } from './issue.ts'
import { openapi } from './openapi.ts'
import { operations } from './operations.ts'
import type { Call } from './respond.ts'
import type { gatewayDescription } from './schemas.ts'

type Description = z.output<typeof gatewayDescription>

/** Whoever asks again soon gets the same; a key is published long before anything is signed with it. */
const maxAgeSeconds = 300

export function describeGateway(c: Call, services: WebServices): Response {
  const { publicUrl, tokens } = services
  const { catalog, offer } = services.rules()
  const endpoints = Object.entries(operations).map(([name, { path }]) => [name, publicUrl + path])
  const pools = offer.pools.map(
    ({ name, endpoints: where, apiUrl }): Description['pools'][number] => {
      const pool = catalog.pools.find(name)
      const names = [...(pool?.serverNames ?? [])]
      const { allowedIntegrations: allowed, ssoIntegration } = pool ?? {}
      return {
        name,
        endpoints: [...where],
        api_url: apiUrl,
        ...(allowed && { integrations: [...allowed] }),
        ...(ssoIntegration !== undefined && { sso_integration: ssoIntegration }),
        sso_flows: [...(pool?.ssoFlows ?? [])],
        ...(names.length > 0 && { server_names: names }),
        client_certificate: pool?.requiresClientCertificate === true,
      }
    },
  )
  const usual = catalog.databases.get(systemScope)
  const description: Description = {
    format: 1,
    version: services.fleet.node().version,
    public_url: publicUrl,
    endpoints: Object.fromEntries(endpoints) as Record<string, string>,
    session_tokens: tokens !== undefined,
    tls: { sslmode: 'verify-full', min_version: offer.tlsMinVersion },
    pools,
    integrations: offer.integrations.map(({ name, issuer, clientId, scopes }) => ({
      ...{ name, issuer, public_client: clientId !== undefined },
      ...(clientId !== undefined && { client_id: clientId, scopes: [...scopes] }),
      usual: usual?.integrations.includes(name) === true,
      primary: usual?.primary === name,
    })),
  }
  return cacheable(c, description)
}

export function describeApi(c: Call, { publicUrl, fleet }: WebServices): Response {
  return cacheable(c, openapi(publicUrl, fleet.node().version))
}

export async function publishKeys(c: Call, services: WebServices): Promise<Response> {
  return cacheable(c, await sessionTokens(services).publicKeys(services.now()))
}

function cacheable(c: Call, body: object): Response {
  c.header('Cache-Control', `public, max-age=${maxAgeSeconds}`)
  return c.json(body)
}
