// Somebody signs in with the browser of another machine (RFC 8628), at the provider.
import { beginDeviceGrant } from '../../identity/device-grant.ts'
import { until } from '../deadline.ts'
import type { Grant } from '../grant.ts'
import type { Interaction } from '../interaction.ts'
import type { ProviderClient } from '../profile.ts'
import type { SourceContext } from '../source-context.ts'
import type { TokenSource } from '../source.ts'
import { needsPerson, untilSignedIn } from './person.ts'
import { grantFrom, openProvider, refreshing } from './provider.ts'
import { deviceLines } from './show-device.ts'

/** However long the provider would wait. */
const longestMs = 30 * 60_000

export function deviceSource(client: ProviderClient, context: SourceContext): TokenSource {
  return {
    ...refreshing(client, context),
    needsPerson: true,
    obtain: async (interaction, signal) => {
      if (interaction === undefined) throw needsPerson(client.issuer)
      return signIn(client, context, interaction, signal)
    },
  }
}

async function signIn(
  client: ProviderClient,
  context: SourceContext,
  interaction: Interaction,
  signal: AbortSignal,
): Promise<Grant> {
  const begin = async (): ReturnType<typeof beginDeviceGrant> => {
    const { endpoints, provider } = await openProvider(client, context)
    return beginDeviceGrant(endpoints, provider)
  }
  const device = await until(begin(), signal)
  interaction.show(deviceLines(device))
  const done = interaction.waiting(`waiting for the sign-in at ${client.issuer}`)
  try {
    const lifetimeMs = Math.min(device.lifetimeMs, longestMs)
    const tokens = await untilSignedIn(device.tokens, signal, lifetimeMs)
    return grantFrom(tokens, client, context.now())
  } finally {
    done()
  }
}
