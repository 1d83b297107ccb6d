import { ConfigError } from './problem.ts'
import { readTextFile, UnreadableFile } from './read-text-file.ts'

const maxFileBytes = 1024 * 1024

/** Throws a ConfigError. */
export function readConfigFile(file: string): string {
  try {
    return readTextFile(file, maxFileBytes)
  } catch (cause) {
    if (!(cause instanceof UnreadableFile)) throw cause
    throw new ConfigError(file, [{ path: '', line: 1, column: 1, message: cause.message }])
  }
}
