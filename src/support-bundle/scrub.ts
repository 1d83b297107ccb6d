import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { maskedSecret } from '../config/index.ts'

export type Scrub = (text: string) => string

const references = /\$\{(env|file):([^}]*)\}/g
/** Shorter ones are in any text by chance. */
const shortest = 4
const longestFile = 65_536

/**
 * Takes out what must not leave this machine wherever it stands: what environment and files have that the text of a
 * configuration refers to, what `secrets` names, tokens, and passwords of URLs.
 */
export function createScrub(
  config: string,
  secrets: readonly string[],
  { folder, environment }: { readonly folder: string; readonly environment: NodeJS.ProcessEnv },
): Scrub {
  const referred = [...config.matchAll(references)].map(([, kind, name = '']) =>
    kind === 'env' ? environment[name] : readSecret(resolve(folder, name)),
  )
  const all = [...secrets, ...referred.filter((one) => one !== undefined)]
  const forms = all.flatMap((secret) => secret.split(/\r?\n/)).flatMap(formsOf)
  // The longest first, so that no rest of one is left where another is a part of it.
  const known = [...new Set(forms)]
    .filter((one) => one.length >= shortest)
    .sort((one, other) => other.length - one.length)
  return (text) => withoutShapes(known.reduce(without, text))
}

function without(text: string, secret: string): string {
  return text.replaceAll(secret, maskedSecret)
}

/** As a secret may be written: in a URL, in JSON, in base64. */
function formsOf(secret: string): readonly string[] {
  const trimmed = secret.trim()
  const inUrl = urlPassword(trimmed)
  return [
    trimmed,
    ...inUrl.flatMap((one) => [one, encodeURIComponent(one)]),
    encodeURIComponent(trimmed),
    JSON.stringify(trimmed).slice(1, -1),
    Buffer.from(trimmed).toString('base64').replace(/=+$/, ''),
  ]
}

function urlPassword(text: string): readonly string[] {
  const password = /^[a-z][\w+.-]*:\/\/[^\s/@]*?:([^\s/]*)@/i.exec(text)?.[1]
  if (password === undefined || password === '') return []
  try {
    return [password, decodeURIComponent(password)]
  } catch {
    return [password]
  }
}

function withoutShapes(text: string): string {
  return (
    text
      // base64url of `{"`, with which the header of every JWT begins, and whatever parts follow.
      .replaceAll(/eyJ[\w-]{8,}(?:\.[\w-]*)*/g, maskedSecret)
      .replaceAll(/\b(bearer\s+)[\w.~+/-]{8,}=*/gi, `$1${maskedSecret}`)
      .replaceAll(/([a-z][\w+.-]*:\/\/)[^\s/@"']*@/gi, `$1${maskedSecret}@`)
      .replaceAll(/\b([\w-]*(?:password|secret|token|api_?key)=)[^&\s"']+/gi, `$1${maskedSecret}`)
      .replaceAll(
        /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
        maskedSecret,
      )
  )
}

function readSecret(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').slice(0, longestFile)
  } catch {
    return undefined
  }
}
