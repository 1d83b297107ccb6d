// Sign-in on another device by way of the gateway, whose client has a secret: it gives out session tokens, and sealed
// refresh tokens that nobody else can use.
import { setTimeout as delay } from 'node:timers/promises'
import { shownDevice } from '../../identity/device-grant.ts'
import {
  type GatewayApi,
  gatewayApi,
  type GatewayDevice,
  type GatewayScope,
} from '../gateway-api.ts'
import type { Grant } from '../grant.ts'
import type { Interaction } from '../interaction.ts'
import type { SourceContext } from '../source-context.ts'
import type { TokenSource } from '../source.ts'
import { needsPerson, untilSignedIn } from './person.ts'
import { deviceLines } from './show-device.ts'

export interface GatewayClient extends GatewayScope {
  readonly gateway: string
}

const longestMs = 30 * 60_000
/** RFC 8628, 3.5: who answers at once is asked again no sooner. */
const pauseMs = 1_000

export function gatewaySource(
  { gateway, ...scope }: GatewayClient,
  { network, now }: SourceContext,
): TokenSource {
  const api = gatewayApi(gateway, network, now)
  return {
    needsPerson: true,
    refresh: async (last, signal) => {
      // Without it the end of the first token would be the end of every other.
      if (last.refreshToken === undefined) return undefined
      return api.refresh(last, scope, signal)
    },
    obtain: async (interaction, signal) => {
      if (interaction === undefined) throw needsPerson(gateway)
      return signIn(api, gateway, scope, interaction, signal)
    },
    revoke: async (last, signal) => api.logout(last, signal),
  }
}

async function signIn(
  api: GatewayApi,
  gateway: string,
  scope: GatewayScope,
  interaction: Interaction,
  signal: AbortSignal,
): Promise<Grant> {
  const begun = await api.beginDevice(scope, signal)
  const device = { ...begun, ...shownDevice(begun) }
  interaction.show(deviceLines(device))
  const done = interaction.waiting(`waiting for the sign-in by way of ${gateway}`)
  try {
    const lifetimeMs = Math.min(device.lifetimeMs, longestMs)
    return await untilSignedIn(async (late) => askUntil(api, device, late), signal, lifetimeMs)
  } finally {
    done()
  }
}

/** The gateway waits, too: it is asked again when it has waited for long enough. */
async function askUntil(
  api: GatewayApi,
  begun: GatewayDevice,
  signal: AbortSignal,
): Promise<Grant> {
  let device = begun
  for (;;) {
    const progress = await api.verifyDevice(device, signal)
    if (progress.kind === 'signed-in') return progress.grant
    if (progress.kind === 'pending') ({ device } = progress)
    await delay(progress.kind === 'later' ? progress.afterMs : pauseMs, undefined, { signal })
  }
}
