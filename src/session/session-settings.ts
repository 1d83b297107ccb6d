// What a session at the database is told of the identity that it belongs to. Custom settings of PostgreSQL
// have no protection: every client can change them later. What is signed it cannot make up.
import { createHmac } from 'node:crypto'
import { Refusal } from '../refusal.ts'

export interface SessionSettings {
  readonly tellsIdentity: boolean
  /** Literal names of the claims in `request.jwt.claims`; empty: it is not set. */
  readonly claims: readonly string[]
  /** The claim of each setting. */
  readonly claimSettings: ReadonlyMap<string, string>
  readonly signing: SigningRules | undefined
}

export interface SigningRules {
  readonly secret: string
  readonly validityMs: number
  readonly isBoundToConnection: boolean
}

/** Whose session it is. */
export interface ToldIdentity {
  readonly issuer: string
  readonly subject: string
  readonly principal: string
  readonly groups: readonly string[]
  readonly claims: ReadonlyMap<string, unknown>
}

export interface ToldSession {
  readonly id: string
  readonly role: string
  /** The name of the database at the server. */
  readonly database: string
  /** Undefined where a password was the credential: then every setting is empty. */
  readonly identity: ToldIdentity | undefined
}

/** Our end of the connection, as the server sees it; without values on a Unix socket. */
export interface LocalEnd {
  readonly address: string | undefined
  readonly port: number | undefined
}

const reservedPrefixes = ['portcullis.', 'request.jwt.']
const identitySettings = ['subject', 'issuer', 'principal', 'groups', 'session'] as const
const claimsSetting = 'request.jwt.claims'
export const signedSetting = 'portcullis.identity'

/**
 * All settings of a session, each with a value: one that is empty leaves no place for what the client may
 * have sent by a way that is not understood here. Throws a Refusal where a value cannot be sent.
 */
export function settingsOf(
  rules: SessionSettings,
  session: ToldSession,
  local: LocalEnd,
  now: Date,
): ReadonlyMap<string, string> {
  const settings = new Map<string, string>()
  const { identity } = session
  if (rules.tellsIdentity) {
    for (const name of identitySettings) {
      settings.set(`portcullis.${name}`, sendable(identity && tellOf(name, session.id, identity)))
    }
  }
  if (rules.claims.length > 0) {
    settings.set(claimsSetting, identity === undefined ? '' : asciiJson(chosen(rules, identity)))
  }
  for (const [name, claim] of rules.claimSettings) {
    settings.set(name, sendable(asText(identity?.claims.get(claim))))
  }
  if (rules.signing !== undefined) {
    const isKnown = identity !== undefined
    const signed = isKnown && sign(rules, rules.signing, { ...session, identity }, local, now)
    settings.set(signedSetting, signed === false ? '' : signed)
  }
  return settings
}

function tellOf(
  name: (typeof identitySettings)[number],
  session: string,
  identity: ToldIdentity,
): string {
  if (name === 'session') return session
  return name === 'groups' ? asciiJson(identity.groups) : identity[name]
}

function chosen({ claims }: SessionSettings, identity: ToldIdentity): object {
  return Object.fromEntries(
    claims
      .filter((name) => identity.claims.has(name))
      .map((name) => [name, identity.claims.get(name)]),
  )
}

function asText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : asciiJson(value)
}

/** A startup message ends a value at its first NUL: what follows would be another setting. */
function sendable(value: string | undefined): string {
  if (value === undefined) return ''
  if (value.includes('\0') || !value.isWellFormed()) {
    throw new Refusal('identity-unusable', { logDetail: 'a claim that is no text of PostgreSQL' })
  }
  return value
}

/** In every encoding that a database may have, ASCII is the same. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A compact JWS (RFC 7515) with HMAC and SHA-256. */
function sign(
  rules: SessionSettings,
  { secret, validityMs, isBoundToConnection }: SigningRules,
  { id, role, database, identity }: ToldSession & { readonly identity: ToldIdentity },
  local: LocalEnd,
  now: Date,
): string {
  const issuedAt = Math.floor(now.getTime() / 1_000)
  const { issuer, subject, principal, groups } = identity
  const payload = {
    ...{ sid: id, role, database, iss: issuer, sub: subject, principal, groups },
    claims: chosen(rules, identity),
    iat: issuedAt,
    exp: issuedAt + Math.floor(validityMs / 1_000),
    ...(isBoundToConnection && {
      connection: { address: shownAddress(local.address), port: local.port ?? null },
    }),
  }
  const parts = [{ alg: 'HS256', typ: 'portcullis+jwt' }, payload]
  const text = parts.map((part) => Buffer.from(asciiJson(part)).toString('base64url')).join('.')
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

/** As PostgreSQL has it: IPv4 is not in IPv6, and an interface is not a part of an address. */
function shownAddress(address: string | undefined): string | null {
  return address?.replace(/^::ffff:(?=[\d.]+$)/i, '').replace(/%.*$/, '') ?? null
}

/**
 * Refuses what a client asks for itself of our settings. It would not come to anything, since ours are set
 * behind it, and nobody should believe that it does.
 */
export function refuseReserved(
  rules: SessionSettings,
  parameters: ReadonlyMap<string, string>,
): void {
  for (const name of parameters.keys()) {
    if (isReserved(rules, name.toLowerCase())) throw reserved(name)
  }
  // However it is written (`-c name=`, `-cname=`, `--name=`, behind other letters), it ends in this.
  const options = (parameters.get('options') ?? '').replaceAll(/\\([^])/g, '$1')
  for (const [, name = ''] of options.matchAll(/([\w.$-]+)=/g)) {
    const normal = name.toLowerCase().replaceAll('-', '_')
    const isOurs = [...rules.claimSettings.keys()].some((one) => normal.endsWith(one))
    if (isOurs || reservedPrefixes.some((one) => normal.includes(one))) throw reserved(name)
  }
}

function isReserved({ claimSettings }: SessionSettings, name: string): boolean {
  return claimSettings.has(name) || reservedPrefixes.some((prefix) => name.startsWith(prefix))
}

function reserved(name: string): Refusal {
  return new Refusal('setting-reserved', { values: { setting: name.replace(/^-+c?/, '') } })
}
