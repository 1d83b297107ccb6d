import { type LoadedConfig, loadConfig } from '../config/index.ts'
import { parseIdentityMap } from '../policy/identity-map.ts'

/** Reads a configuration file with everything in it that has a syntax of its own. */
export function readConfig(file: string): LoadedConfig {
  return loadConfig(file, undefined, (config) =>
    parseIdentityMap(config.identity_map).problems.map(({ line, message }) => ({
      path: ['identity_map'],
      message: `line ${line} of the map: ${message}`,
    })),
  )
}
