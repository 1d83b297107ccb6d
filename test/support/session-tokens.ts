import { sessionTokensOf } from '../../src/compose-session-tokens.ts'
import { type Config, loadConfig } from '../../src/config/index.ts'
import type { KeptIdentity } from '../../src/identity/kept-identity.ts'
import type { IssuedSessionToken, SessionTokenBounds } from '../../src/identity/session-token.ts'
import type { Stack } from './stack.ts'

/** For `web.secret`. */
export const webSecret = 'for-the-pages-of-tests-and-for-no-others'

interface Wish {
  readonly identity?: Partial<KeptIdentity>
  readonly bounds?: SessionTokenBounds
  readonly lifetimeMs?: number
  /** By another configuration than that of the gateway. */
  readonly by?: (config: Config) => Config
}

/** As a node with the configuration of the gateway issues one, for alice by the integration `people`. */
export async function sessionTokenOf(
  { gateway, provider }: Stack,
  { identity, bounds = {}, lifetimeMs, by = (config) => config }: Wish = {},
): Promise<IssuedSessionToken> {
  const { config } = loadConfig(gateway.configFile, {})
  const tokens = sessionTokensOf(by(config), config.web?.secret ?? [])
  if (tokens === undefined) throw new Error('there are no session tokens')
  const now = new Date()
  const alice: KeptIdentity = {
    integration: 'people',
    kind: 'id_token',
    issuer: provider.issuer,
    subject: 'alice',
    names: ['alice'],
    groups: [],
    expiresAt: now.getTime() + 3_600_000,
    issuedAt: now.getTime(),
  }
  return tokens.issue({ identity: { ...alice, ...identity }, bounds, lifetimeMs }, now)
}
