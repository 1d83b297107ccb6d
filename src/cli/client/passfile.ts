// Lines of libpq's password file (PostgreSQL 34.16): `host:port:database:user:password`.
import type { GatewayEndpoint } from '../../credentials/profile.ts'

/** One line for each endpoint. Database and user are open: the token is the password of each of its users. */
export function passfileLines(endpoints: readonly GatewayEndpoint[], token: string): string[] {
  return endpoints.map((endpoint) => `${lineStart(endpoint)}${escapeField(token)}`)
}

function lineStart({ host, port }: GatewayEndpoint): string {
  return `${escapeField(host)}:${port}:*:*:`
}

/** `:` ends a field. */
function escapeField(text: string): string {
  return text.replaceAll(/[\\:]/g, String.raw`\$&`)
}
