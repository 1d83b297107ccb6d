import { describe, expect, test } from 'vitest'
import { load, minimal, problemsOf } from './load.ts'

const secret = 'x'.repeat(32)
const url = 'postgres://portcullis:hunter2@db.internal/fleet'
const fleet = (more: string): string => `${minimal}fleet: { ${more} }\n`

describe('the fleet', () => {
  test('has a schema, a heartbeat and one secret or several', () => {
    expect(load(minimal).config.fleet).toBeUndefined()
    expect(load(fleet(`store: "${url}", secret: ${secret}`)).config.fleet).toMatchObject({
      ...{ schema: 'portcullis', heartbeat: 5_000, secret: [secret] },
    })
  })

  test.each([
    [
      'a store of another kind',
      `store: "https://hunter2@db.internal/", secret: ${secret}`,
      'fleet.store: must be a URL',
    ],
    [
      'a store that may do without TLS',
      `store: "${url}?sslmode=prefer", secret: ${secret}`,
      'fleet.store: may have as `sslmode`',
    ],
    [
      'authorities that nobody asks',
      `store: "${url}?sslmode=disable", store_ca: ca.crt, secret: ${secret}`,
      'fleet.store_ca: is not used',
    ],
    [
      'one secret twice',
      `store: "${url}", secret: [${secret}, ${secret}]`,
      'fleet.secret: has the same secret',
    ],
    ['a secret that is short', `store: "${url}", secret: hunter2`, 'at least 32 characters'],
  ])('is none with %s', (_, section, message) => {
    const problems = problemsOf(fleet(section)).join('\n')
    expect(problems).toContain(message)
    expect(problems).not.toContain('hunter2')
  })
})
