import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { hasShown, requireStepUp, stepUpExtras } from '../../../../src/web/people/step-up.ts'
import type { WebEnv, WebSession } from '../../../../src/web/visitor.ts'
import { catalogOf } from '../../policy/catalogs.ts'
import { publicUrl, webRules, webServices, webSession } from '../../../support/web-services.ts'

const now = new Date()
const ago = (ms: number): number => now.getTime() - ms

describe('a sign-in', () => {
  test.each<[string, object, object, boolean]>([
    ['where nothing is demanded', {}, {}, true],
    ['with the class', { acr: 'gold' }, { requiredAcr: ['silver', 'gold'] }, true],
    ['with another class', { acr: 'tin' }, { requiredAcr: ['silver', 'gold'] }, false],
    ['with no class', { acr: undefined }, { requiredAcr: ['gold'] }, false],
    ['of just now', { authenticatedAt: ago(0) }, { maxAgeMs: 1_000 }, true],
    ['of as long ago as may be', { authenticatedAt: ago(1_000) }, { maxAgeMs: 1_000 }, true],
    ['of longer ago', { authenticatedAt: ago(1_001) }, { maxAgeMs: 1_000 }, false],
    ['of no time', { authenticatedAt: undefined }, { maxAgeMs: 1_000 }, false],
    [
      'that is recent, with another class',
      { acr: 'tin', authenticatedAt: ago(0) },
      { requiredAcr: ['gold'], maxAgeMs: 1_000 },
      false,
    ],
  ])('%s is enough or not', (_, shown, demands, isEnough) => {
    const session = { authenticatedAt: undefined, acr: undefined, ...shown }
    expect(hasShown(session, { requiredAcr: [], maxAgeMs: undefined, ...demands }, now)).toBe(
      isEnough,
    )
  })
})

test('the provider is asked for what is demanded, and for no more', () => {
  expect(stepUpExtras({ requiredAcr: [], maxAgeMs: undefined })).toEqual({})
  expect(stepUpExtras({ requiredAcr: ['a', 'b'], maxAgeMs: 90_500 })).toEqual({
    acr_values: 'a b',
    max_age: '90',
  })
})

describe('whoever changes something', () => {
  async function change(
    session: WebSession | undefined,
    returnTo = '/sessions',
  ): Promise<Response> {
    const stepUp = { requiredAcr: ['gold'], maxAgeMs: undefined }
    const services = webServices({ rules: () => webRules({ catalog: catalogOf({}), stepUp }) })
    const app = new Hono<WebEnv>()
    app.post('/change', async (c) => {
      const visitor = session && { session, name: 'alice', right: undefined, formToken: 'x' }
      c.set('visitor', visitor)
      return (await requireStepUp(c, services, returnTo)) ?? c.text('changed')
    })
    return app.request(`${publicUrl}/change`, { method: 'POST' })
  }

  test('may, where they have shown enough', async () => {
    expect(await (await change(webSession({ acr: 'gold' }))).text()).toBe('changed')
  })

  test('is sent to sign in again where not, and comes back', async () => {
    const response = await change(webSession({ acr: 'tin' }))
    expect(response.status).toBe(403)
    expect(await response.text()).toContain(
      'href="/oidc/v1/login?integration=main&amp;return_to=%2Fsessions&amp;step_up="',
    )
  })

  test('comes back to no other site', async () => {
    const response = await change(webSession(), '//evil.example')
    expect(await response.text()).toContain('return_to=%2F&amp;step_up')
  })

  test('signs in first, where nobody is', async () => {
    expect(await (await change(undefined)).text()).toContain('href="/login?return_to=%2Fsessions"')
  })
})
