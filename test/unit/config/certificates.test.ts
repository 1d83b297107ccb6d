import { describe, expect, test } from 'vitest'
import { isAbsolute } from 'node:path'
import { load, minimal, problemsOf } from './load.ts'

const yaml = (tls: string): string => `${minimal}databases:
  app:
    upstream:
      host: 127.0.0.1
      tls: ${tls}
      auth: { method: certificate, ca_certificate: ca.crt, ca_key: ca.key }
`

describe('the method certificate', () => {
  test.each(['verify-full', 'verify-ca'])('may have tls: %s', (tls) => {
    expect(problemsOf(yaml(tls))).toEqual([])
  })

  test.each(['require', 'disable'])('is not for a server with tls: %s', (tls) => {
    expect(problemsOf(yaml(tls))).toEqual([
      expect.stringContaining(
        'databases.app.upstream.tls: must be "verify-full" or "verify-ca" with the method "certificate"',
      ),
    ])
  })

  test('reads its files beside the configuration, and has minutes of validity', () => {
    const auth = load(yaml('verify-full')).config.databases['app']?.upstream?.auth
    if (auth?.method !== 'certificate') throw new Error('another method')
    expect(isAbsolute(auth.ca_certificate) && isAbsolute(auth.ca_key)).toBe(true)
    expect(auth.validity).toBe(600_000)
  })
})
