import { z } from 'zod'
import { isListenAddress, isLoopback, isNetwork } from './addresses.ts'
import { expecting, expectingText, unknownKeys } from './messages.ts'
import { parseDuration, parseSize } from './units.ts'

// The kinds of values that the schema is made of. Each has its rule in words: `x-type` for the
// documentation, the rest for the message.

/** A mapping whose keys are all known. */
export function section<S extends z.core.$ZodLooseShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? unknownKeys(issue.keys, Object.keys(shape)) : undefined,
  })
}

type Dictionary<V> = Readonly<Record<string, V>>

/** A mapping whose keys are names that the operator chose. */
export function dictionary<V extends z.ZodType>(
  key: z.ZodType<string, string>,
  value: V,
): z.ZodType<Dictionary<z.output<V>>> {
  return z.record(key, value).transform(withoutPrototype<z.output<V>>)
}

// A database may be called "constructor"; one that is not in the catalog must not be found either.
function withoutPrototype<V>(entries: Dictionary<V>): Dictionary<V> {
  return Object.assign(Object.create(null) as Record<string, V>, entries)
}

export function text(
  kind: string,
  rule: string,
  accepts: (text: string) => boolean = () => true,
): z.ZodType<string, string> {
  const error = expectingText(rule)
  return z
    .string({ error })
    .min(1, { error })
    .refine((value) => value !== '' && !value.includes('\0') && accepts(value), rule)
    .meta({ 'x-type': kind })
}

export function anyText(): z.ZodType<string, string> {
  return text('string', 'must be a string that is not empty')
}

export function secret(): z.ZodType<string, string> {
  return text('secret string', 'must be a string that is not empty')
}

/** A file; relative ones are resolved against the folder of the configuration. */
export function path(): z.ZodType<string, string> {
  return text('path', 'must be the path of a file')
}

export const longestName = 63

/** Names of things that only Portcullis knows: they appear in metrics labels and log lines. */
export function name(): z.ZodType<string, string> {
  const rule = `must be 1 to ${longestName} letters, digits, ".", "_" or "-"`
  return text('name', rule, isName)
}

export function isName(value: string): boolean {
  return /^[A-Za-z0-9_.-]+$/.test(value) && value.length <= longestName
}

/** Names that PostgreSQL knows, or could know: at most 63 bytes, as NAMEDATALEN has it. */
export function identifier(kind: string): z.ZodType<string, string> {
  return text(kind, 'must be 1 to 63 bytes long', (value) => Buffer.byteLength(value) <= 63)
}

/** A claim's literal name, or a JSON Pointer (RFC 6901) where it begins with a slash. */
export function claim(): z.ZodType<string, string> {
  const rule = 'must be the name of a claim, or a JSON Pointer such as "/realm_access/roles"'
  return text('claim', rule, (value) => !value.startsWith('/') || !/~(?![01])/.test(value))
}

export function listenAddress(): z.ZodType<string, string> {
  const rule = 'must be an IP address such as 0.0.0.0 or "::", or localhost'
  return text('address', rule, isListenAddress)
}

const hostPattern = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_.])?$/

export function host(): z.ZodType<string, string> {
  const rule = 'must be a host name or an IP address'
  return text('host', rule, (value) => hostPattern.test(value) || isNetworkAddress(value))
}

/** Where a PostgreSQL server is: as `host` of libpq. */
export function serverHost(): z.ZodType<string, string> {
  const rule =
    'must be a host name, an IP address, or the directory of a Unix socket, which begins with "/" or "@"'
  return text(
    'host',
    rule,
    (value) => /^[/@]./.test(value) || hostPattern.test(value) || isNetworkAddress(value),
  )
}

function isNetworkAddress(value: string): boolean {
  return !value.includes('/') && (isNetwork(value) || isLoopback(value))
}

export function network(): z.ZodType<string, string> {
  const rule = 'must be an address or a range of addresses such as 10.0.0.0/8'
  return text('CIDR range', rule, isNetwork)
}

const issuerRule = 'must be an https URL without query, fragment and credentials'

export function issuerUrl(): z.ZodType<string, string> {
  return text('URL', issuerRule, (value) => !value.includes('?') && isHttpsUrl(value))
}

export function httpsUrl(): z.ZodType<string, string> {
  return text('URL', 'must be an https URL without fragment and credentials', isHttpsUrl)
}

/** Scheme, host and port, and nothing behind them: paths are ours. */
export function originUrl(): z.ZodType<string, string> {
  const rule = 'must be an https URL without a path, such as https://gate.example.com'
  return text('URL', rule, isOrigin).transform((value) => new URL(value).origin)
}

function isOrigin(value: string): boolean {
  if (!isHttpsUrl(value) || value.includes('?')) return false
  return new URL(value).pathname === '/'
}

function isHttpsUrl(value: string): boolean {
  if (!value.startsWith('https://') || /[#\s\\]/.test(value)) return false
  if (!URL.canParse(value)) return false
  const { username, password } = new URL(value)
  return username === '' && password === ''
}

/** Where a collector takes what it is sent. */
export function collectorUrl(): z.ZodType<string, string> {
  const rule = 'must be an https or http URL without query, fragment and credentials'
  return text(
    'URL',
    rule,
    (value) => !value.includes('?') && isHttpsUrl(value.replace(/^http:/, 'https:')),
  )
}

export function flag(): z.ZodType<boolean> {
  return z.preprocess(
    (value) => (value === 'true' || value === 'false' ? value === 'true' : value),
    z.boolean().meta({ 'x-type': 'true or false' }),
  )
}

export function integer(
  min: number,
  max: number,
  rule = `must be a whole number between ${min} and ${max}`,
): z.ZodType<number> {
  const error = expecting(rule)
  return z.preprocess(
    toNumber,
    z.int({ error }).min(min, { error }).max(max, { error }).meta({ 'x-type': 'integer' }),
  )
}

export function port(): z.ZodType<number> {
  return integer(1, 65535, 'must be a port number between 1 and 65535')
}

/** A port to listen on, where 0 lets the system choose a free one. */
export function listenPort(): z.ZodType<number> {
  return integer(0, 65535, 'must be a port number between 1 and 65535, or 0 for any free port')
}

/** What a reference brings in is text, and between braces YAML wants it in quotes. */
export function toNumber(value: unknown): unknown {
  return typeof value === 'string' && /^[+-]?\d{1,15}$/.test(value) ? Number(value) : value
}

/** Milliseconds, written with units. */
export function duration(min: string, max: string): z.ZodType<number> {
  const rule = `must be a duration between ${min} and ${max}, such as 500ms, 10s or 1h30m`
  return quantity('duration', rule, parseDuration, min, max)
}

/** Bytes, written with or without units. */
export function size(min: string, max: string): z.ZodType<number> {
  const rule = `must be a size between ${min} and ${max}, such as 64KiB, 10kB or a number of bytes`
  return quantity('size', rule, parseSize, min, max)
}

function quantity(
  kind: string,
  rule: string,
  parse: (text: string) => number | undefined,
  min: string,
  max: string,
): z.ZodType<number> {
  const [least = 0, most = Infinity] = [parse(min), parse(max)]
  return z
    .preprocess(
      (value) => (typeof value === 'number' ? String(value) : value),
      z.string({ error: expecting(rule) }),
    )
    .transform((written, context) => {
      const value = parse(written)
      if (value !== undefined && value >= least && value <= most) return value
      context.addIssue({ code: 'custom', message: rule })
      return z.NEVER
    })
    .meta({ 'x-type': kind, type: ['string', 'integer'] })
}
