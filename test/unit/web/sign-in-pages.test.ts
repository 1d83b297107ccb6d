import { describe, expect, test } from 'vitest'
import { outcomePage, requestPage, type RequestPage } from '../../../src/web/sign-in-pages.ts'

const hostile = `<script>alert(1)</script>"'&\u202e\u0000\n`
const about: RequestPage = {
  request: {
    application: 'psql',
    address: '192.0.2.7',
    role: 'app_readonly',
    database: 'sandbox',
    pool: 'sso_pool',
    integration: 'people',
    code: 'WDJB-MJHT',
    askedAt: 0,
    expiresAt: 300_000,
  },
  holder: 'nobody',
  path: '/sign-in/abc',
  formToken: 'token',
  address: '192.0.2.8',
  now: 12_000,
}

async function textOf(page: ReturnType<typeof requestPage>): Promise<string> {
  const [, body = ''] = (await page).toString().split('<body>')
  return body.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')
}

describe('the page of a request', () => {
  test('says who asks for what, since when and for how long', async () => {
    const text = await textOf(requestPage(about))
    for (const part of [
      'WDJB-MJHT',
      'Application “psql”',
      'It connects from “192.0.2.7”',
      'This browser is at “192.0.2.8”',
      'Database “sandbox”',
      'Role “app_readonly”',
      'Pool “sso_pool”',
      'Asked 12 seconds ago',
      'It waits for another 5 minutes',
    ]) {
      expect(text).toContain(part)
    }
  })

  test('says so where the client does not', async () => {
    const request = { ...about.request, application: '', role: undefined }
    const text = await textOf(requestPage({ ...about, request, now: 1_000 }))
    expect(text).toContain('Application does not say what it is')
    expect(text).toContain('Role the one that your groups give you')
    expect(text).toContain('Asked 1 second ago')
  })

  test('does not count below nothing', async () => {
    expect(await textOf(requestPage({ ...about, now: 400_000 }))).toContain('another 0 seconds')
  })

  test.each(['application', 'address', 'role', 'database', 'pool', 'code'] as const)(
    'shows a hostile %s as text',
    async (name) => {
      const request = { ...about.request, [name]: hostile }
      const body = (await requestPage({ ...about, request })).toString()
      expect(body).not.toContain('<script')
      expect(body).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;')
      // A code is ours.
      if (name !== 'code') expect(body).not.toMatch(/\u202e|\u0000/)
    },
  )

  test('cuts what is too long', async () => {
    const request = { ...about.request, application: 'x'.repeat(10_000) }
    expect((await requestPage({ ...about, request })).toString().length).toBeLessThan(6_000)
  })

  test('has a way on for the browser that may go on, and for no other', async () => {
    const pageFor = async (holder: RequestPage['holder']): Promise<string> =>
      (await requestPage({ ...about, holder })).toString()
    for (const holder of ['nobody', 'this-browser'] as const) {
      expect(await pageFor(holder)).toContain('action="/sign-in/abc/continue"')
      expect(await pageFor(holder)).toContain('action="/sign-in/abc/disown"')
    }
    const elsewhere = await pageFor('another-browser')
    expect(elsewhere).not.toContain('/continue')
    expect(elsewhere).toContain('action="/sign-in/abc/disown"')
  })
})

describe('the page of an outcome', () => {
  test('shows hostile names as text', async () => {
    const outcome = { kind: 'admitted', principal: hostile, role: hostile } as const
    const body = (await outcomePage(outcome)).toString()
    expect(body).not.toMatch(/<script|\u202e|\u0000/)
  })

  test('says what the client reads, as text', async () => {
    const told = { message: hostile, detail: `detail ${hostile}`, hint: `hint ${hostile}` }
    const refused = { kind: 'refused', reason: 'role-not-allowed', fault: 'policy' } as const
    const body = (await outcomePage({ ...refused, ...told })).toString()
    expect(body).not.toMatch(/<script|\u202e|\u0000/)
    expect(body).toContain('detail &lt;script')
    expect(body).toContain('hint &lt;script')
    const short = (await outcomePage({ ...refused, message: 'no' })).toString()
    expect(short).not.toContain('undefined')
  })
})
