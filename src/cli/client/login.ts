import { type Environment, processEnvironment } from '../../credentials/environment.ts'
import { type NamedProfile, openCredentials } from '../../credentials/open-credentials.ts'
import { openProfiles, type ProfileStore } from '../../credentials/profile-store.ts'
import { hasBrowser } from './browser.ts'
import { canAsk, createInteraction, isUnattended } from './interaction.ts'
import type { LoginOptions } from './login-options.ts'
import { changeProfile, saysSource, toProfile } from './login-profile.ts'
import { reportProblem } from './report-problem.ts'
import { whoSignedIn } from './who-signed-in.ts'

/** As long as somebody may take to sign in. */
const timeoutMs = 15 * 60_000

/** Signs somebody in, or something, and keeps how that was done. */
export async function logIn(gateway: string | undefined, options: LoginOptions): Promise<number> {
  return reportProblem(async () => {
    const environment = processEnvironment()
    const profiles = openProfiles(environment)
    const named = await profileOf(gateway, options, profiles, environment)
    const interaction = isUnattended(environment)
      ? undefined
      : createInteraction(environment, { useBrowser: options.browser })
    const keeper = openCredentials(named, environment)
    const grant = await keeper.signIn(interaction, AbortSignal.timeout(timeoutMs))
    const isDefault = options.default !== false
    await profiles.write(named, { makeDefault: isDefault })
    const lines = whoSignedIn(named, grant, { nowMs: Date.now(), isDefault })
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
  const profile = toProfile(options, undefined, {
    hasBrowser: canAsk(environment) && hasBrowser(environment),
  })
  return { name: options.profile ?? profile.endpoints[0]?.host ?? 'default', profile }
}
