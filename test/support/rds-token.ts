// What AWS documents of an authentication token of RDS: a presigned URL of Signature Version 4 without its
// scheme, computed here by nothing but hashes.
import { createHash, createHmac } from 'node:crypto'

export interface RdsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

export interface RdsRequest {
  readonly host: string
  readonly port: number
  readonly role: string
  readonly region: string
  /** As in `X-Amz-Date`: YYYYMMDD'T'HHMMSS'Z'. */
  readonly date: string
}

const hmac = (key: Buffer | string, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest()
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** RFC 3986: AWS encodes everything that is not unreserved. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The parameters of the token, the signature among them. */
export function expectedRdsParameters(
  { accessKeyId, secretAccessKey, sessionToken }: RdsCredentials,
  { host, port, role, region, date }: RdsRequest,
): ReadonlyMap<string, string> {
  const day = date.slice(0, 8)
  const scope = `${day}/${region}/rds-db/aws4_request`
  const parameters = new Map([
    ['Action', 'connect'],
    ['DBUser', role],
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', `${accessKeyId}/${scope}`],
    ['X-Amz-Date', date],
    ['X-Amz-Expires', '900'],
    ...(sessionToken === undefined ? [] : [['X-Amz-Security-Token', sessionToken] as const]),
    ['X-Amz-SignedHeaders', 'host'],
  ])
  const query = [...parameters]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&')
  const canonical = ['GET', '/', query, `host:${host}:${port}`, '', 'host', sha256('')].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n')
  const ofDay = hmac(`AWS4${secretAccessKey}`, day)
  const key = hmac(hmac(hmac(ofDay, region), 'rds-db'), 'aws4_request')
  parameters.set('X-Amz-Signature', hmac(key, toSign).toString('hex'))
  return parameters
}

/** The parts of a token. */
export function readRdsToken(token: string): {
  readonly server: string
  readonly parameters: ReadonlyMap<string, string>
} {
  const { host, pathname, searchParams } = new URL(`https://${token}`)
  if (pathname !== '/') throw new Error(`path ${pathname}`)
  return { server: host, parameters: new Map(searchParams) }
}
