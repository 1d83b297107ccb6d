import { isIP } from 'node:net'

/** What is known of a request beside itself. */
export interface Env {
  Bindings: {
    readonly incoming: { readonly socket: { readonly remoteAddress?: string | undefined } }
  }
}

interface Asked {
  readonly env: Env['Bindings']
  readonly req: { header(name: string): string | undefined }
}

/** What a proxy in front adds to X-Forwarded-For stands last in it; what stands before, anybody can write. */
export function addressOf(c: Asked, isBehindProxy: boolean): string {
  const peer = c.env.incoming.socket.remoteAddress ?? ''
  if (!isBehindProxy) return peer
  const last = c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() ?? ''
  return isIP(last) === 0 ? peer : last
}
