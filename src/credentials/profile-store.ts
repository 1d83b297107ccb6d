// Profiles are files: `~/.config/portcullis/profiles/<name>.yaml`, and `~/.config/portcullis/default` names one.
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from './environment.ts'
import type { NamedProfile } from './open-credentials.ts'
import { CredentialProblem } from './problem.ts'

export interface ProfileStore {
  /** By its name; without one, what PORTCULLIS_PROFILE names, else the default, else the only one. */
  read(name?: string): Promise<NamedProfile>
  write(named: NamedProfile, options: { readonly makeDefault: boolean }): Promise<void>
  remove(name: string): Promise<void>
  list(): Promise<readonly { readonly name: string; readonly isDefault: boolean }[]>
  setDefault(name: string): Promise<void>
  /** For messages: where a profile is kept. */
  pathOf(name: string): string
}

export function openProfiles(environment: Environment): ProfileStore {
  const folder = join(configFolder(environment), 'profiles')
  const pathOf = (name: string): string => join(folder, `${name}.yaml`)
  const later = async (): Promise<never> =>
    Promise.reject(new CredentialProblem('configuration', 'profiles cannot be kept yet'))
  return {
    read: async (name = environment['PORTCULLIS_PROFILE'] ?? 'default') => ({
      name,
      profile: JSON.parse(await readFile(pathOf(name), 'utf8')) as NamedProfile['profile'],
    }),
    write: later,
    remove: later,
    list: later,
    setDefault: later,
    pathOf,
  }
}

/** XDG Base Directory Specification; also on macOS, as other command line tools do. */
export function configFolder(environment: Environment): string {
  const base = environment['XDG_CONFIG_HOME'] ?? join(environment['HOME'] ?? homedir(), '.config')
  return join(base, 'portcullis')
}
