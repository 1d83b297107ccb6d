// The forms in which CockroachDB's settings are written. Each reader throws a Fault that says what to write.
import { X509Certificate } from 'node:crypto'
import { certificatesIn } from '../pem.ts'
import { isMapping } from './mapping.ts'

export class Fault extends Error {
  override readonly name = 'Fault'
}

export interface WrittenList {
  readonly values: readonly string[]
  /** Older documents of CockroachDB show commas, its code reads none. */
  readonly hasCommas: boolean
}

/** A value by itself, a JSON array of strings, values with commas between, or a list of YAML. */
export function readList(written: unknown): WrittenList {
  if (Array.isArray(written)) return { values: toStrings(written), hasCommas: false }
  if (typeof written !== 'string') {
    throw new Fault('must be a string, a JSON array of strings or a list of strings')
  }
  const text = written.trim()
  if (/^[[{"]/.test(text)) {
    const value = parseJson(text)
    if (!Array.isArray(value)) throw new Fault('must be one value or a JSON array of strings')
    return { values: toStrings(value), hasCommas: false }
  }
  const values = text.split(',').map((value) => value.trim())
  return { values: toStrings(values.filter((value) => value !== '')), hasCommas: values.length > 1 }
}

function toStrings(values: readonly unknown[]): readonly string[] {
  if (values.every(isName)) return [...new Set(values)]
  throw new Fault('must have strings that are not empty, without control characters')
}

/** Names of issuers appear in logs and metrics. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !/\p{Cc}/u.test(value)
}

export interface WrittenIssuers {
  readonly issuers: readonly { readonly issuer: string; readonly jwksUri: string | undefined }[]
  readonly hasCommas: boolean
}

const mapKey = 'issuer_jwks_map'

/** As `readList`, or `{"issuer_jwks_map": {"<issuer>": "<address of its keys>"}}`. */
export function readIssuers(
  written: unknown,
  isKeyAddress: (text: string) => boolean,
): WrittenIssuers {
  const map =
    typeof written === 'string' && written.trim().startsWith('{') ? parseJson(written) : written
  if (!isMapping(map)) {
    const { values, hasCommas } = readList(written)
    return { issuers: values.map((issuer) => ({ issuer, jwksUri: undefined })), hasCommas }
  }
  const entries = Object.keys(map).join() === mapKey ? map[mapKey] : undefined
  if (!isMapping(entries)) {
    throw new Fault(
      `JWT authentication: issuers JSON not valid: write {"${mapKey}": {"<issuer>": "<https address of its keys>"}}`,
    )
  }
  const issuers = Object.entries(entries).map(([issuer, uri]) => {
    if (isName(issuer) && typeof uri === 'string' && isKeyAddress(uri))
      return { issuer, jwksUri: uri }
    throw new Fault(
      `JWT authentication: issuers JSON not valid: each entry of ${mapKey} must be an issuer with the https address of its keys`,
    )
  })
  return { issuers, hasCommas: false }
}

const notJwks = 'JWT authentication JWKS not a valid JWKS'

/** What a public key of each type must have (RFC 7518 6; RFC 8037 2). */
const members: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
}

/** A JWK or a JWKS, as JSON or as a mapping; the result is the JSON of a JWKS. */
export function readJwks(written: unknown): { readonly json: string; readonly isEmpty: boolean } {
  const value = typeof written === 'string' ? parseJson(written, `${notJwks}: it`) : written
  if (!isMapping(value)) throw new Fault(`${notJwks}: it is no JSON object`)
  const keys = 'keys' in value ? value['keys'] : [value]
  if (!Array.isArray(keys)) throw new Fault(`${notJwks}: \`keys\` must be a list`)
  for (const key of keys as readonly unknown[]) checkKey(key)
  return { json: JSON.stringify({ keys }), isEmpty: keys.length === 0 }
}

function checkKey(key: unknown): void {
  const type = isMapping(key) ? key['kty'] : undefined
  const required = typeof type === 'string' && Object.hasOwn(members, type) ? members[type] : []
  if (!isMapping(key) || required === undefined || required.length === 0) {
    throw new Fault(`${notJwks}: each key must have a \`kty\` of RSA, EC or OKP`)
  }
  if (!required.every((name) => typeof key[name] === 'string' && key[name] !== '')) {
    throw new Fault(`${notJwks}: a key of type ${String(type)} must have ${required.join(', ')}`)
  }
  // RFC 7518 6: the private part of a key.
  if ('d' in key) throw new Fault(`${notJwks}: keep private keys to yourself`)
}

/** Certificates as PEM text; undefined for an empty one. */
export function readCertificates(text: string): string | undefined {
  if (text.trim() === '') return undefined
  const blocks = certificatesIn(text)
  if (blocks.length === 0 || !blocks.every(isCertificate)) {
    throw new Fault('must be the PEM text of certificates: ${file:ca.crt} reads a file of them')
  }
  return `${blocks.join('\n')}\n`
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

/** Literal names of claims; commas separate several. */
export function readGroupKeys(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim())
  if (!names.every((name) => /^[A-Za-z0-9_.-]+$/.test(name))) {
    throw new Fault(
      'JWT authentication: contains invalid characters: letters, digits, "_", "." and "-" are allowed. `groups_claim_ids` of an integration takes any name',
    )
  }
  return [...new Set(names)]
}

export interface WrittenRedirects {
  readonly url: string | undefined
  /** By region; undefined where there is one address for all. */
  readonly byRegion: readonly { readonly region: string; readonly url: string }[] | undefined
}

const regionsKey = 'redirect_urls'

/** One address, or `{"redirect_urls": {"<region>": "<address>"}}`. */
export function readRedirectUrls(
  written: unknown,
  isAddress: (text: string) => boolean,
): WrittenRedirects {
  const value =
    typeof written === 'string' && written.trim().startsWith('{') ? parseJson(written) : written
  if (typeof value === 'string') {
    if (value !== '' && !isAddress(value)) throw new Fault('must be an https URL')
    return { url: value === '' ? undefined : value, byRegion: undefined }
  }
  const entries =
    isMapping(value) && Object.keys(value).join() === regionsKey ? value[regionsKey] : undefined
  if (!isMapping(entries)) {
    throw new Fault(`must be an https URL, or {"${regionsKey}": {"<region>": "<https URL>"}}`)
  }
  const byRegion = Object.entries(entries).map(([region, url]) => {
    if (typeof url === 'string' && isAddress(url)) return { region, url }
    throw new Fault(`must have an https URL for each region of ${regionsKey}`)
  })
  return { url: undefined, byRegion }
}

/** Scopes besides `openid`, which comes first. */
export function readScopes(text: string): readonly string[] {
  const [first, ...others] = text.split(' ').filter((scope) => scope !== '')
  if (first === 'openid') return [...new Set(others)]
  throw new Fault('Missing `openid` scope which is required for OIDC: it must be the first')
}

const maxPointerSegments = 10

/** The name of a claim or a JSON Pointer; `sub` for an empty one. */
export function readClaimName(text: string): string {
  if (text === '') return 'sub'
  if (!text.startsWith('/')) return text
  const segments = text.slice(1).split('/')
  const isPointer = segments.every((segment) => segment !== '' && !/~(?![01])/.test(segment))
  if (isPointer && segments.length <= maxPointerSegments) return text
  throw new Fault(
    `must be the name of a claim, or a JSON Pointer of at most ${maxPointerSegments} segments, none of them empty`,
  )
}

export function readFlag(written: unknown): boolean {
  if (typeof written === 'boolean') return written
  const word = typeof written === 'string' ? written.toLowerCase() : undefined
  if (word === 'on' || word === 'true') return true
  if (word === 'off' || word === 'false') return false
  throw new Fault('must be on or off, true or false')
}

/** No message of JSON.parse: it would repeat what it cannot read. */
function parseJson(text: string, what?: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const message = 'is not valid JSON'
    throw new Fault(what === undefined ? message : `${what} ${message}`)
  }
}
