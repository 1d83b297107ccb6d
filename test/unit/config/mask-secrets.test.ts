import { expect, test } from 'vitest'
import { createMasker } from '../../../src/config/mask-secrets.ts'

const masked = createMasker()

test('every secret of the schema is masked, and nothing else', () => {
  const tree = {
    node: 'gw0',
    integrations: {
      people: {
        issuer: 'https://a.example',
        client_secret: 'seen-1',
        proxy_url: 'http://user:seen-2@proxy:3128',
        introspection: { endpoint: 'https://a.example/i', client_secret: 'seen-3' },
      },
    },
    databases: {
      sandbox: {
        exchange: { client_id: 'x', client_secret: 'seen-4' },
        upstream: {
          host: 'db',
          auth: { method: 'password', passwords: { app: 'seen-5' } },
          provisioner: { role: 'maker', password: 'seen-6' },
        },
      },
    },
  }
  const shown = JSON.stringify(masked(tree))
  expect(shown).not.toMatch(/seen-/)
  expect(shown.match(/\*{8}/g)).toHaveLength(6)
  expect(shown).toContain('https://a.example/i')
  expect(shown).toContain('"host":"db"')
})

test('a reference says where a secret is, and is shown', () => {
  const path = ['integrations', 'people', 'client_secret']
  expect(masked('${file:/run/secrets/x}', path)).toBe('${file:/run/secrets/x}')
  expect(masked('${env:A}${env:B}', path)).toBe('${env:A}${env:B}')
})

test.each(['${file:/x} and more', 'literal${env:X}', '$${env:X}', '${other:x}', ''])(
  'what is not only a reference is masked: %s',
  (value) => {
    expect(masked(value, ['integrations', 'people', 'client_secret'])).toBe('********')
  },
)

test('a place is masked by what it is in', () => {
  expect(masked({ app: 'x' }, ['databases', 'd', 'upstream', 'auth', 'passwords'])).toEqual({
    app: '********',
  })
  expect(masked('x', ['groups', 'g', 'role'])).toBe('x')
})
