// Files that a configuration leads to, and that may change while it stays as it is.
import { createHash } from 'node:crypto'
import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import type { Config } from './config.ts'

/** Authorities and keys that are read when a configuration is taken over. */
export function filesReadFor({ integrations, databases }: Config): readonly string[] {
  const ofIntegrations = Object.values(integrations)
    .filter(({ enabled }) => enabled)
    .flatMap(({ custom_ca: ca, decryption_keys_file: keys }) => [ca ?? [], keys ?? []].flat())
  const ofDatabases = Object.values(databases).flatMap(({ upstream }) => {
    if (upstream === undefined) return []
    const { ca, auth } = upstream
    const own = auth.method === 'certificate' ? [auth.ca_certificate, auth.ca_key] : []
    return [ca ?? [], own].flat()
  })
  return [...new Set([...ofIntegrations, ...ofDatabases])]
}

/** What tells the contents of files apart from what they were; one that cannot be read has none. */
export function contentsOf(paths: readonly string[]): string {
  const hash = createHash('sha256')
  for (const path of paths) hash.update(JSON.stringify([path, digestOf(path)]))
  return hash.digest('base64')
}

function digestOf(path: string): string | null {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('base64')
  } catch {
    return null
  }
}

/** Replaced files are found by looking, which works for renamed files and swapped links alike. */
const intervalMs = 2_000
/** Whoever replaces several files, or writes one in parts, is done by then. */
const settleMs = 500

/** Looks at files, and tells once that some have changed. */
export class FileWatch {
  readonly #onChange: () => void
  #paths = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /** Looks at these files from now on, and at no others. */
  follow(paths: Iterable<string>): void {
    const wanted = new Set(paths)
    for (const path of this.#paths) if (!wanted.has(path)) unwatchFile(path, this.#changed)
    const added = [...wanted].filter((path) => !this.#paths.has(path))
    for (const path of added) {
      watchFile(path, { interval: intervalMs, persistent: false }, this.#changed)
    }
    this.#paths = wanted
    // What changed between their being read and now is seen by nobody else.
    if (added.length > 0) this.#changed()
  }

  stop(): void {
    this.follow([])
    clearTimeout(this.#timer)
  }

  readonly #changed = (): void => {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#onChange, settleMs)
    this.#timer.unref()
  }
}
