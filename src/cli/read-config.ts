import { type Config, type LoadedConfig, loadConfig } from '../config/index.ts'
import { parseCockroachMap } from '../policy/cockroach-identity-map.ts'
import { type IdentityMapProblem, parseIdentityMap } from '../policy/identity-map.ts'

const cockroachKey = 'server.identity_map.configuration'

/**
 * Reads a configuration file with everything in it that has a syntax of its own; with a text, that in
 * place of the file.
 */
export function readConfig(file: string, text?: string): LoadedConfig {
  return loadConfig(file, undefined, checkIdentityMaps, text)
}

interface Finding {
  readonly path: readonly string[]
  readonly message: string
}

function checkIdentityMaps({ identity_map: text, settings }: Config): readonly Finding[] {
  const own = parseIdentityMap(text)
  const theirs = parseCockroachMap(settings[cockroachKey])
  const theirPath = ['settings', cockroachKey]
  const isShared = [...theirs.map.keys()].some((issuer) => own.map.has(issuer))
  return [
    ...own.problems.map((problem) => findingOf(problem, ['identity_map'])),
    ...theirs.problems.map((problem) => findingOf(problem, theirPath)),
    // Which of the lines comes first would decide who somebody is.
    ...(isShared
      ? [
          {
            path: theirPath,
            message: 'has lines for an issuer that has lines in `identity_map` too',
          },
        ]
      : []),
  ]
}

function findingOf({ line, message }: IdentityMapProblem, path: readonly string[]): Finding {
  return { path, message: `line ${line} of the map: ${message}` }
}
