// Portcullis in front of PostgreSQL, and Keycloak as its provider in every way that it can be one.
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Gateway } from '../../../demo/gateway.ts'
import { freePort } from '../../../demo/ports.ts'
import { secretOfPages } from '../../support/pages.ts'
import { type GatewayConfig, Stack } from '../../support/stack.ts'
import { homes } from '../support/homes.ts'
import { Keycloak } from './keycloak.ts'
import { databaseAudience, secrets } from './realm.ts'

export interface Scene {
  readonly stack: Stack
  readonly keycloak: Keycloak
  readonly publicUrl: string
}

export async function startScene(): Promise<Scene> {
  const port = await freePort()
  const publicUrl = `https://localhost:${port}`
  const started: { keycloak?: Keycloak } = {}
  const stack = await Stack.start({
    prepare: async (_, authority) => {
      started.keycloak = await Keycloak.start(homes.keycloak, authority, publicUrl)
    },
    configure: (config) => {
      const { issuer } = started.keycloak!
      config['web'] = { public_url: publicUrl, listen_port: port, secret: secretOfPages }
      config.integrations = integrations(issuer)
      configureDatabases(config)
      const pool = config.connectivity_pools['sso_pool']!
      pool['sso_integration'] = 'pages'
      pool['sso_flows'] = ['authorizationCode', 'deviceGrant']
    },
  })
  return { stack, keycloak: started.keycloak!, publicUrl }
}

function integrations(issuer: string): Record<string, Record<string, unknown>> {
  const provider = { issuer, custom_ca: 'ca.crt' }
  const person = {
    ...provider,
    additional_scopes: ['email', 'profile'],
    principal_claim: 'preferred_username',
    groups_claim_ids: ['groups'],
    groups_claim_mappings: { writers: 'readwrite', readers: 'readonly' },
    enable_id_token_authentication: true,
  }
  const secret = { client_id: 'portcullis-web', client_secret: secrets['portcullis-web'] }
  return {
    people: { ...person, client_id: 'portcullis-cli' },
    pages: { ...person, ...secret, backchannel_logout: true },
    machines: {
      ...provider,
      client_id: 'batch',
      additional_audiences: [databaseAudience],
      default_group: 'readonly',
    },
    // Tokens with nothing in them but what they are asked about by.
    slim: {
      ...provider,
      client_id: 'slim',
      additional_audiences: [databaseAudience],
      default_group: 'readonly',
      introspection: { ...secret, cache: '0' },
    },
    exchanged: {
      ...provider,
      client_id: 'portcullis-web',
      additional_audiences: ['warehouse'],
      default_group: 'readonly',
    },
  }
}

function configureDatabases(config: GatewayConfig): void {
  const { upstream } = config.databases['sandbox']!
  const same = { ...(upstream as object), database: 'sandbox' }
  config.databases = {
    system: { integrations: ['people', 'pages', 'machines'], primary: 'people' },
    sandbox: { upstream },
    asking: { integrations: ['slim'], upstream: same },
    warehouse: { integrations: ['exchanged'], upstream: same },
  }
}

/** A gateway in front of the other one, which takes tokens for the warehouse alone. */
export async function startFront({ stack }: Scene): Promise<Gateway> {
  const folder = join(stack.folder, 'front')
  await mkdir(folder)
  for (const file of ['ca.crt', 'server.crt', 'server.key']) {
    await copyFile(join(stack.folder, file), join(folder, file))
  }
  const { machines } = stack.config.integrations
  return Gateway.start({
    folder,
    config: {
      ...stack.config,
      web: undefined,
      integrations: { machines },
      databases: {
        system: { integrations: ['machines'] },
        sandbox: {
          upstream: {
            ...{ host: 'localhost', port: stack.gateway.port, database: 'warehouse', ca: 'ca.crt' },
            auth: { method: 'token' },
          },
          exchange: {
            client_id: 'portcullis-web',
            client_secret: secrets['portcullis-web'],
            audience: 'warehouse',
          },
        },
      },
      connectivity_pools: {
        sso_pool: {
          require_sso: true,
          participants: [{ node: 'gw0', listen_address: '127.0.0.1', listen_port: 0 }],
        },
      },
    },
  })
}
