// Somebody signs in with the browser of this machine, which comes back to a port of it (RFC 8252, 7.3).
import { beginAuthorization, redeemForAccess } from '../../identity/authorization-code.ts'
import { until } from '../deadline.ts'
import type { Grant } from '../grant.ts'
import type { Interaction } from '../interaction.ts'
import type { ProviderClient } from '../profile.ts'
import type { SourceContext } from '../source-context.ts'
import type { TokenSource } from '../source.ts'
import { askConsent } from './ask-consent.ts'
import { openLoopback } from './loopback.ts'
import { needsPerson, untilSignedIn } from './person.ts'
import { grantFrom, openProvider, refreshing } from './provider.ts'

const signInMs = 5 * 60_000

export interface BrowserClient extends ProviderClient {
  readonly redirectUri?: string | undefined
}

export function browserSource(client: BrowserClient, context: SourceContext): TokenSource {
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
  client: BrowserClient,
  context: SourceContext,
  interaction: Interaction,
  signal: AbortSignal,
): Promise<Grant> {
  const { endpoints, provider } = await until(openProvider(client, context), signal)
  await using loopback = await openLoopback(client.redirectUri)
  const { redirectUri } = loopback
  const authorization = await beginAuthorization(
    endpoints,
    provider,
    redirectUri,
    askConsent(client.issuer, client.scopes),
  )
  const answer = loopback.answerTo(authorization.state)
  const { url } = authorization
  const isOpen = await interaction.openBrowser(url)
  const what = isOpen
    ? 'Sign in with the browser that was opened. If there is none, open this address on this machine:'
    : 'Open this address in a browser of this machine to sign in:'
  interaction.show([what, url])
  const done = interaction.waiting(`waiting for the sign-in at ${client.issuer}`)
  try {
    const query = await untilSignedIn(async () => answer, signal, signInMs)
    const tokens = await until(redeemForAccess(endpoints, provider, authorization, query), signal)
    return grantFrom(tokens, client, context.now())
  } finally {
    done()
  }
}
