import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ConfigError,
  formatProblem,
  loadConfig,
  type LoadedConfig,
} from '../../../src/config/index.ts'

export const minimal = `node: gw0
tls: { certificate: server.crt, key: server.key }
connectivity_pools:
  main:
    participants:
      - { node: gw0, listen_address: 127.0.0.1, listen_port: 6432 }
`

export type Files = Readonly<Record<string, string | Uint8Array>>

/** Calls back with the path of a configuration file in a folder of its own, among other files. */
export function withFiles<T>(yaml: string | Uint8Array, files: Files, use: (file: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-config-'))
  try {
    for (const [name, contents] of Object.entries({ ...files, 'portcullis.yaml': yaml })) {
      writeFileSync(join(folder, name), contents)
    }
    return use(join(folder, 'portcullis.yaml'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export function load(
  yaml: string,
  environment: Record<string, string> = {},
  files: Files = {},
): LoadedConfig {
  return withFiles(yaml, files, (file) => loadConfig(file, environment))
}

/** Every problem as a line, without the folder of the file. */
export function problemsOf(
  yaml: string | Uint8Array,
  environment: Record<string, string> = {},
  files: Files = {},
): readonly string[] {
  return withFiles(yaml, files, (file) => {
    try {
      loadConfig(file, environment)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      return error.problems.map((problem) => formatProblem('', problem).slice(1))
    }
    return []
  })
}

export function noticesOf(
  yaml: string,
  environment: Record<string, string> = {},
): readonly string[] {
  return load(yaml, environment).notices.map((notice) => formatProblem('', notice).slice(1))
}
