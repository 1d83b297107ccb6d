import { resolve } from 'node:path'
import { quote } from './problem.ts'
import { readTextFile, UnreadableFile } from './read-text-file.ts'

/** Where the values of `${env:NAME}` and `${file:path}` come from. */
export interface Sources {
  readonly environment: NodeJS.ProcessEnv
  /** Relative paths begin here. */
  readonly folder: string
  /** Told of every file that is named, whether it can be read or not. */
  readonly onFile?: (path: string) => void
}

export interface Interpolation {
  readonly text: string
  readonly problems: readonly string[]
}

const maxSecretBytes = 64 * 1024

// literal = '$${' ; reference = '${' (anything but '}') '}' ; a missing '}' is reported
const pattern = /\$\$\{|\$\{([^}]*)(\}?)/g

/** Replaces references once, from left to right: what they bring in is not looked at again. */
export function interpolate(written: string, sources: Sources): Interpolation {
  const problems: string[] = []
  const text = written.replaceAll(pattern, (match, body: string | undefined, end: string) => {
    if (body === undefined) return '${'
    try {
      if (end === '')
        throw new Unresolved('"${" without "}": write "$${" where it is meant literally')
      return resolveReference(body, sources)
    } catch (cause) {
      if (!(cause instanceof Unresolved)) throw cause
      problems.push(cause.message)
      return match
    }
  })
  return { text, problems }
}

class Unresolved extends Error {
  override readonly name = 'Unresolved'
}

function resolveReference(body: string, sources: Sources): string {
  const [, kind, name = ''] = /^(env|file):(.+)$/s.exec(body) ?? []
  if (kind === 'env') return readVariable(name, sources)
  if (kind === 'file') return readSecretFile(name, sources)
  throw new Unresolved(
    'unknown reference: write "${env:NAME}" or "${file:/path}", and "$${" where "${" is meant literally',
  )
}

function readVariable(name: string, { environment }: Sources): string {
  const value = environment[name]
  if (value !== undefined) return value
  throw new Unresolved(
    `environment variable ${quote(name)} is not set: set it, or write the value here`,
  )
}

function readSecretFile(path: string, { folder, onFile }: Sources): string {
  const absolute = resolve(folder, path)
  onFile?.(absolute)
  try {
    return readTextFile(absolute, maxSecretBytes).replace(/\r?\n$/, '')
  } catch (cause) {
    if (!(cause instanceof UnreadableFile)) throw cause
    throw new Unresolved(`file ${quote(absolute)} ${cause.message}`)
  }
}
