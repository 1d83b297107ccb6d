import { resolve } from 'node:path'
import type { DiscoveredGateway } from '../../credentials/discover-gateway.ts'
import { type Environment, processEnvironment } from '../../credentials/environment.ts'
import type { NamedProfile } from '../../credentials/open-credentials.ts'
import { openProfiles, type ProfileStore } from '../../credentials/profile-store.ts'
import { printable } from '../../refusal.ts'
import { hasBrowser } from './browser.ts'
import { openForPeople, sayThatItIsDeprecated } from './have-token.ts'
import { canAsk, createInteraction, isUnattended } from './interaction.ts'
import type { LoginOptions } from './login-options.ts'
import { changeProfile, saysSource, toProfile } from './login-profile.ts'
import { reportProblem } from './report-problem.ts'
import { whoSignedIn } from './who-signed-in.ts'

/** As long as somebody may take to sign in. */
const timeoutMs = 15 * 60_000
const discoveryMs = 30_000

/** Signs somebody in, or something, and keeps how that was done. */
export async function logIn(gateway: string | undefined, options: LoginOptions): Promise<number> {
  return reportProblem(async () => {
    const environment = processEnvironment()
    const profiles = openProfiles(environment)
    const named = await profileOf(gateway, options, profiles, environment)
    const interaction = isUnattended(environment)
      ? undefined
      : createInteraction(environment, { useBrowser: options.browser })
    const keeper = openForPeople(named, environment, canAsk(environment))
    const signedIn = await keeper.signIn(interaction, AbortSignal.timeout(timeoutMs))
    if (named.profile.signIn.flow === 'password') sayThatItIsDeprecated()
    const isDefault = options.default !== false
    await profiles.write(named, { makeDefault: isDefault })
    // The gateway says whether it lets somebody in, and as which users: better now than at the first connection.
    const grant = named.profile.session ? await keeper.token() : signedIn
    const isRenewable = (await keeper.kept())?.grant.refreshToken !== undefined
    const lines = whoSignedIn(named, grant, { nowMs: Date.now(), isDefault, isRenewable })
    for (const line of lines) process.stderr.write(`${line}\n`)
    return 0
  })
}

async function profileOf(
  gateway: string | undefined,
  options: LoginOptions,
  profiles: ProfileStore,
  environment: Environment,
): Promise<NamedProfile> {
  if (gateway === undefined && !saysSource(options)) {
    const kept = await profiles.read(options.profile)
    return { ...kept, profile: changeProfile(kept.profile, options) }
  }
  const known = gateway === undefined ? undefined : await discover(gateway, options, environment)
  for (const note of known?.notes ?? []) process.stderr.write(`${printable(note, 1_000)}\n`)
  const profile = toProfile(options, known, {
    hasBrowser: canAsk(environment) && hasBrowser(environment),
  })
  const host = known?.host ?? profile.endpoints[0]?.host ?? 'default'
  // An address of IPv6 is no name of a file everywhere.
  return { name: options.profile ?? host.replaceAll(':', '_'), profile }
}

async function discover(
  gateway: string,
  { pool, integration, caFile }: LoginOptions,
  environment: Environment,
): Promise<DiscoveredGateway> {
  const { discoverGateway } = await import('../../credentials/discover-gateway.ts')
  const wish = { pool, integration, caFile: caFile === undefined ? undefined : resolve(caFile) }
  return discoverGateway(gateway, wish, environment, AbortSignal.timeout(discoveryMs))
}
