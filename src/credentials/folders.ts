// Where the files of the client are (XDG Base Directory Specification), also on macOS, as other tools have it.
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { Environment } from './environment.ts'

export function homeFolder(environment: Environment): string {
  return given(environment['HOME']) ?? homedir()
}

export function configFolder(environment: Environment): string {
  return join(base(environment, 'XDG_CONFIG_HOME', '.config'), 'portcullis')
}

export function cacheFolder(environment: Environment): string {
  return join(base(environment, 'XDG_CACHE_HOME', '.cache'), 'portcullis')
}

function base(environment: Environment, name: string, usual: string): string {
  return given(environment[name]) ?? join(homeFolder(environment), usual)
}

/** Relative ones are to be ignored, says the specification. */
function given(folder: string | undefined): string | undefined {
  return folder !== undefined && isAbsolute(folder) ? folder : undefined
}
