import { readFileSync } from 'node:fs'

/** The version of this package, from its package.json beside `src` or `dist`. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const content: unknown = JSON.parse(text)
  return typeof content === 'object' &&
    content !== null &&
    'version' in content &&
    typeof content.version === 'string'
    ? content.version
    : 'unknown'
}
