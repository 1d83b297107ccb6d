import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { assetRoutes, scriptPath, stylePath } from '../../../../src/web/layout/assets.ts'

const app = new Hono()
assetRoutes(app)

describe.each([
  ['style', stylePath, 'text/css; charset=utf-8'],
  ['script', scriptPath, 'text/javascript; charset=utf-8'],
])('the %s', (_, path, type) => {
  test('is kept by browsers for good, and taken for nothing else', async () => {
    const response = await app.request(path)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe(type)
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  })

  test('of another version of ours is answered with this one, which nobody keeps', async () => {
    const response = await app.request(path.replace(/[0-9a-f]{16}/, '0'.repeat(16)))
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  test('is a small part of what a page may weigh', async () => {
    const response = await app.request(path)
    expect((await response.text()).length).toBeLessThan(20_000)
  })
})

test.each(['/assets/page.css', '/assets/../package.json', '/assets/0000000000000000.map'])(
  'nothing else is served: %s',
  async (path) => {
    expect((await app.request(path)).status).toBe(404)
  },
)
