import { once } from 'node:events'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createAuthority } from '../../demo/certificates.ts'

/** What somebody has sent. */
export interface TakenForm {
  readonly form: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly method: string | undefined
  /** With its query. */
  readonly url: string | undefined
}

/** An endpoint over TLS that takes forms, as that for tokens does (RFC 6749, 3.2). */
export interface FormEndpoint {
  readonly url: string
  /** Whom its certificate is trusted from (PEM). */
  readonly ca: string
  close(): void
}

export async function startFormEndpoint(
  path: string,
  answer: (taken: TakenForm, response: ServerResponse) => void,
): Promise<FormEndpoint> {
  const authority = await createAuthority('Authority')
  const { certificate: cert, key } = await authority.issue({ commonName: 'localhost' })
  const server = createServer({ cert, key }, (request, response) => {
    const { headers, method, url } = request
    void text(request).then((body) => {
      answer({ form: new URLSearchParams(body), headers, method, url }, response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `https://localhost:${port}${path}`,
    ca: authority.certificate,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
