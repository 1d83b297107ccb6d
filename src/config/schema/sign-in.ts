import { flag, listenAddress, listenPort, originUrl, path, section } from '../fields.ts'

export const signIn = section({
  public_url: originUrl().describe(
    'The https address under which browsers reach the pages, without a path. Register it with `/sign-in/callback` behind it as a redirect URI at the identity provider.',
  ),
  listen_address: listenAddress()
    .prefault('127.0.0.1')
    .describe('Address of the HTTPS server for the pages. Metrics are on another: `http`.'),
  listen_port: listenPort().prefault(8443).describe('Its port. 0 is any free port.'),
  tls: section({
    certificate: path().describe('PEM file with the certificate for `public_url` and its chain.'),
    key: path().describe('PEM file with its private key.'),
  })
    .optional()
    .describe('The certificate of the pages; that of the server, `tls`, where it is left out.'),
  behind_proxy: flag()
    .prefault(false)
    .describe(
      'Whether a reverse proxy in front ends TLS, so that HTTP without TLS is served. Browsers are then told apart by the last address of X-Forwarded-For, which the proxy must add.',
    ),
})
  .optional()
  .meta({
    description:
      'Our own pages for interactive sign-in by the authorization code flow. Without it there are none.',
    'x-default': 'no pages',
  })
