// Lines of libpq's password file (PostgreSQL 34.16): `host:port:database:user:password`.
import type { GatewayEndpoint } from '../../credentials/profile.ts'

/** One line for each endpoint. Database and user are open: the token is the password of each of its users. */
export function passfileLines(
  endpoints: readonly GatewayEndpoint[],
  token: string,
): readonly string[] {
  return endpoints.map((endpoint) => passfileLine(endpoint, token))
}

function passfileLine({ host, port }: GatewayEndpoint, token: string): string {
  return `${escapeField(host)}:${port}:*:*:${escapeField(token)}`
}

/** The text with one line for each endpoint, in place of those that were there; all else stays as it is. */
export function putPassfileLines(
  text: string,
  endpoints: readonly GatewayEndpoint[],
  token: string,
): string {
  const lines = linesOf(text)
  for (const endpoint of endpoints) {
    const line = passfileLine(endpoint, token)
    const own = lines.findIndex((one) => isOwn(one, endpoint))
    if (own !== -1) {
      lines[own] = line
      continue
    }
    // libpq takes the first line that matches: what would do so for everything of this server comes behind ours.
    const wider = lines.findIndex((one) => isWider(one, endpoint))
    lines.splice(wider === -1 ? lines.length : wider, 0, line)
  }
  return textOf(lines)
}

export function removePassfileLines(text: string, endpoints: readonly GatewayEndpoint[]): string {
  return textOf(linesOf(text).filter((line) => !endpoints.some((one) => isOwn(line, one))))
}

function linesOf(text: string): string[] {
  if (text === '') return []
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}

function isOwn(line: string, { host, port }: GatewayEndpoint): boolean {
  const fields = fieldsOf(line)
  if (fields === undefined) return false
  const [ofHost, ofPort, database, user] = fields
  return ofHost === escapeField(host) && ofPort === String(port) && database === '*' && user === '*'
}

function isWider(line: string, { host, port }: GatewayEndpoint): boolean {
  const fields = fieldsOf(line)
  if (fields === undefined) return false
  const [ofHost = '', ofPort = '', database, user] = fields
  return (
    ['*', escapeField(host)].includes(ofHost) &&
    ['*', String(port)].includes(ofPort) &&
    database === '*' &&
    user === '*'
  )
}

/** The four before the password, as they are written. */
function fieldsOf(line: string): readonly string[] | undefined {
  if (line.startsWith('#')) return undefined
  const found = /^((?:[^\\:]|\\.)*):((?:[^\\:]|\\.)*):((?:[^\\:]|\\.)*):((?:[^\\:]|\\.)*):/s.exec(
    line,
  )
  return found === null ? undefined : found.slice(1)
}

/** `:` ends a field. */
function escapeField(text: string): string {
  return text.replaceAll(/[\\:]/g, String.raw`\$&`)
}
