import type { ClientMetadata } from 'oidc-provider'
import { freePort, isTaken } from '../../demo/ports.ts'
import { pagesClient } from '../../demo/provider-configuration.ts'
import { type GatewayConfig, Stack } from './stack.ts'

export const alice = 'Alice Archer (alice@example.com)'
export const bob = 'Bob Builder (bob@example.com)'

/** With it a test can make cookies that the pages take for their own. */
export const secretOfPages = 'a secret of all nodes behind one address'

const clientSecret = 'a secret of the pages'

/** The client of the provider by which the pages sign people in. */
export function clientOfPages(publicUrl: string): ClientMetadata {
  return pagesClient(publicUrl, clientSecret)
}

/** Pages there and on that port, where alice is an administrator and bob is nobody in particular. */
export function addPages(config: GatewayConfig, publicUrl: string, port: number): void {
  config['web'] = {
    public_url: publicUrl,
    listen_port: port,
    secret: secretOfPages,
  }
  config['console'] = { admin_groups: ['readwrite'] }
  config.integrations['pages'] = {
    ...config.integrations['people'],
    client_id: 'portcullis-web',
    client_secret: clientSecret,
    additional_scopes: ['email', 'profile'],
  }
  const system = config.databases['system']!
  system['integrations'] = [...(system['integrations'] as string[]), 'pages']
  const pool = config.connectivity_pools['sso_pool']!
  pool['sso_integration'] = 'pages'
  pool['sso_flows'] = ['authorizationCode']
}

export type StackWithPages = Stack & { readonly publicUrl: string }

const portAttempts = 5

/** Somebody may take the port between the look and the start: then another one is tried. */
export async function startWithPages(
  configure: (config: GatewayConfig) => void = () => {},
): Promise<StackWithPages> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const publicUrl = `https://localhost:${port}`
    try {
      const stack = await Stack.start({
        clients: [clientOfPages(publicUrl)],
        configure: (config) => {
          addPages(config, publicUrl, port)
          configure(config)
        },
      })
      return Object.assign(stack, { publicUrl })
    } catch (error) {
      if (!isTaken(error) || attempt === portAttempts) throw error
    }
  }
}
