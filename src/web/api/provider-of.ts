import type { IssuerKeys } from '../../identity/discovery.ts'
import type { SignInProvider } from '../../identity/sign-in-provider.ts'
import type { Integration } from '../../policy/catalog.ts'
import { Refusal } from '../../refusal.ts'
import type { WebServices } from '../services.ts'

/** Throws where nobody signs in there: it is off, has no client for that, or cannot be asked. */
export async function providerOf(
  services: WebServices,
  { name, isEnabled }: Pick<Integration, 'name' | 'isEnabled'>,
): Promise<{ readonly provider: SignInProvider; readonly keys: IssuerKeys }> {
  if (!isEnabled) throw new Refusal('integration-disabled')
  const { providers, tokens } = services.rules()
  const [provider, verifier] = [providers.get(name), tokens.get(name)]
  if (provider === undefined || verifier === undefined) throw new Refusal('sign-in-unavailable')
  return { provider, keys: await verifier.rules.keys.current() }
}

/** One that was sealed with what somebody brings: it may have changed, or be gone. */
export function integrationNamed(services: WebServices, name: string): Integration {
  const integration = services.rules().catalog.integrations.get(name)
  if (integration === undefined) throw new Refusal('integration-disabled')
  return integration
}
