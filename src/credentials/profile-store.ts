// Profiles are files: `~/.config/portcullis/profiles/<name>.yaml`, and `~/.config/portcullis/default` names one.
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../files/file-lock.ts'
import { replaceFile, syncFolder, writeNew } from '../files/replace-file.ts'
import { nearestName } from '../nearest-name.ts'
import type { Environment } from './environment.ts'
import { configFolder, homeFolder } from './folders.ts'
import type { NamedProfile } from './profile.ts'
import { parseProfile } from './parse-profile.ts'
import { CredentialProblem } from './problem.ts'
import { readOwnFile } from './read-own-file.ts'

export { configFolder } from './folders.ts'

export interface ProfileStore {
  /** By its name; without one, what PORTCULLIS_PROFILE names, else the default, else the only one. */
  read(name?: string): Promise<NamedProfile>
  /** Of a file that is there, comments stay. */
  write(named: NamedProfile, options: { readonly makeDefault: boolean }): Promise<void>
  remove(name: string): Promise<void>
  list(): Promise<readonly { readonly name: string; readonly isDefault: boolean }[]>
  setDefault(name: string): Promise<void>
  /** For messages: where a profile is kept. */
  pathOf(name: string): string
}

const suffix = '.yaml'
/** Who can write it can send tokens elsewhere, or have a command run. */
const profileRules = {
  maxBytes: 65_536,
  forbiddenMode: 0o022,
  mayBeLink: true,
  whenTooLong: 'refused',
} as const
/** Of hosts, too; never a path, an option or a hidden file. */
const namePattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/

export function isProfileName(name: string): boolean {
  return namePattern.test(name)
}

export function openProfiles(environment: Environment): ProfileStore {
  return new ProfileFiles(environment)
}

class ProfileFiles implements ProfileStore {
  readonly #environment: Environment
  readonly #folder: string
  readonly #defaultFile: string

  constructor(environment: Environment) {
    this.#environment = environment
    this.#folder = join(configFolder(environment), 'profiles')
    this.#defaultFile = join(configFolder(environment), 'default')
  }

  pathOf(name: string): string {
    return join(this.#folder, `${checked(name)}${suffix}`)
  }

  async read(name?: string): Promise<NamedProfile> {
    const chosen = name ?? (await this.#choose())
    const text = await this.#textOf(chosen)
    if (text === undefined) throw await this.#missing(chosen)
    return { name: chosen, profile: this.#parse(chosen, text) }
  }

  async write(
    { name, profile }: NamedProfile,
    { makeDefault }: { readonly makeDefault: boolean },
  ): Promise<void> {
    const { printProfile } = await import('./print-profile.ts')
    const before = await this.#textOf(name)
    const plain = printProfile(profile)
    const wanted = JSON.stringify(this.#parse(name, plain))
    const edited = printProfile(profile, before)
    await this.#put(this.pathOf(name), this.#says(name, edited, wanted) ? edited : plain)
    if (makeDefault) await this.#put(this.#defaultFile, `${name}\n`)
  }

  async remove(name: string): Promise<void> {
    if ((await this.#textOf(name)) === undefined) throw await this.#missing(name)
    await rm(this.pathOf(name), { force: true })
    if ((await this.#default()) === name) await rm(this.#defaultFile, { force: true })
  }

  async list(): Promise<readonly { readonly name: string; readonly isDefault: boolean }[]> {
    const [names, chosen] = await Promise.all([this.#names(), this.#default()])
    return names.map((name) => ({ name, isDefault: name === chosen }))
  }

  async setDefault(name: string): Promise<void> {
    if ((await this.#textOf(name)) === undefined) throw await this.#missing(name)
    await this.#put(this.#defaultFile, `${name}\n`)
  }

  async #choose(): Promise<string> {
    const named = this.#environment['PORTCULLIS_PROFILE']
    if (named !== undefined && named !== '') return named
    const chosen = await this.#default()
    if (chosen !== undefined) return chosen
    const names = await this.#names()
    const [only] = names
    if (only === undefined) {
      throw new CredentialProblem('configuration', 'there is no profile yet', {
        hint: 'Run `portcullis login <gateway>`, for example `portcullis login db.example.com`.',
      })
    }
    if (names.length === 1) return only
    throw new CredentialProblem('configuration', 'there is more than one profile and no default', {
      hint: `Name one with --profile, or run \`portcullis profiles use <name>\`: ${some(names)}.`,
    })
  }

  #parse(name: string, text: string): NamedProfile['profile'] {
    return parseProfile(text, { path: this.pathOf(name), home: homeFolder(this.#environment) })
  }

  #says(name: string, text: string, wanted: string): boolean {
    try {
      return JSON.stringify(this.#parse(name, text)) === wanted
    } catch {
      return false
    }
  }

  async #default(): Promise<string | undefined> {
    const name = (await this.#textAt(this.#defaultFile))?.trim()
    if (name === undefined || name === '') return undefined
    if (isProfileName(name)) return name
    throw new CredentialProblem('configuration', `${this.#defaultFile} names no profile`, {
      hint: 'Run `portcullis profiles use <name>`.',
    })
  }

  async #names(): Promise<readonly string[]> {
    try {
      const files = await readdir(this.#folder)
      return files
        .filter((file) => file.endsWith(suffix))
        .map((file) => file.slice(0, -suffix.length))
        .filter(isProfileName)
        .sort()
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return []
      throw unusable(this.#folder, error)
    }
  }

  async #missing(name: string): Promise<CredentialProblem> {
    const names = await this.#names()
    const meant = nearestName(name, names)
    const hint =
      meant !== undefined
        ? `Is ${meant} meant?`
        : names.length > 0
          ? `There are: ${some(names)}.`
          : 'Run `portcullis login <gateway>`.'
    return new CredentialProblem('configuration', `there is no profile ${name}`, { hint })
  }

  async #textOf(name: string): Promise<string | undefined> {
    return this.#textAt(this.pathOf(name))
  }

  async #textAt(path: string): Promise<string | undefined> {
    return readOwnFile(path, profileRules)
  }

  async #put(path: string, text: string): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 })
      await replaceFile({ file: path, text, check: async () => {} }).catch(
        async (error: unknown) => {
          if (codeOf(error) !== 'ENOENT') throw error
          const temporary = `${path}.${randomUUID()}.tmp`
          await writeNew(temporary, text)
          await rename(temporary, path)
          await syncFolder(configFolder(this.#environment))
        },
      )
    } catch (error) {
      throw unusable(path, error)
    }
  }
}

function checked(name: string): string {
  if (isProfileName(name)) return name
  throw new CredentialProblem('usage', 'that cannot be the name of a profile', {
    hint: 'It has letters, digits, dots, hyphens and underscores, and begins with none but the first two and the last.',
  })
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 10).join(', ')
  return names.length > 10 ? `${shown} and ${names.length - 10} more` : shown
}

function unusable(path: string, cause: unknown): CredentialProblem {
  const code = codeOf(cause)
  return new CredentialProblem(
    code === 'ENOSPC' || code === 'EDQUOT' ? 'failed' : 'configuration',
    `${path} cannot be used${code === undefined ? '' : ` (${code})`}`,
    { cause, hint: 'Profiles are kept below XDG_CONFIG_HOME, else ~/.config.' },
  )
}
