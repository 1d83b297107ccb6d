import { describe, expect, test } from 'vitest'
import { load, minimal, problemsOf } from './load.ts'

const loopback = ['localhost', '127.0.0.0/8', '::1']

function integration(more = ''): string {
  return `${minimal}integrations: { sso: { issuer: "https://a.example", client_id: x${more} } }\n`
}

function proxyOf(more: string, environment: Record<string, string>): unknown {
  return load(integration(more), environment).config.integrations['sso']?.proxy
}

describe('the proxy of a provider', () => {
  test.each<[string, string, Record<string, string>, unknown]>([
    ['none, where nobody says so', '', {}, undefined],
    [
      'what the file says, for every host',
      ', proxy_url: "http://p:3128"',
      { HTTPS_PROXY: 'http://other', NO_PROXY: 'a.example' },
      { url: 'http://p:3128', exceptions: [] },
    ],
    [
      'an https one',
      ', proxy_url: "https://p.example"',
      {},
      { url: 'https://p.example', exceptions: [] },
    ],
    ['none, where the file says so', ', proxy_url: none', { HTTPS_PROXY: 'http://p' }, undefined],
    [
      'what a reference brings in',
      ', proxy_url: "${env:PROXY}"',
      { PROXY: 'http://user:p%40ss@p' },
      { url: 'http://user:p%40ss@p', exceptions: [] },
    ],
    [
      'what the environment says, but for the own machine',
      '',
      { HTTPS_PROXY: 'http://p:3128' },
      { url: 'http://p:3128', exceptions: loopback },
    ],
    [
      'what the environment says, but for the hosts that it excepts',
      '',
      { HTTPS_PROXY: 'p:3128', NO_PROXY: ' .internal, 10.0.0.0/8,' },
      { url: 'http://p:3128', exceptions: [...loopback, '.internal', '10.0.0.0/8'] },
    ],
    [
      'what the environment says in lower case first',
      '',
      { HTTPS_PROXY: 'http://no', https_proxy: 'http://p', NO_PROXY: 'x', no_proxy: 'y' },
      { url: 'http://p', exceptions: [...loopback, 'y'] },
    ],
    ['none, where the variable is empty', '', { HTTPS_PROXY: '' }, undefined],
    [
      'not that for other protocols',
      '',
      { HTTP_PROXY: 'http://p', ALL_PROXY: 'http://p' },
      undefined,
    ],
  ])('is %s', (_, more, environment, expected) => {
    expect(proxyOf(more, environment)).toEqual(expected)
  })

  test.each([
    'socks5://hunter2',
    'hunter2',
    'http://',
    'http://p/path-hunter2',
    'http://p/?hunter2',
    'http://p#hunter2',
    'http://us er:hunter2@p',
    'http://user:%zz-hunter2@p',
    '',
  ])('may not be %o, which is not repeated', (url) => {
    const [problem, ...others] = problemsOf(integration(`, proxy_url: "${url}"`))
    expect(others).toEqual([])
    expect(problem).toContain('integrations.sso.proxy_url: must be')
    expect(problem).not.toContain('hunter2')
  })

  test('is a problem where the environment has a wrong one, which is not repeated', () => {
    const environment = { HTTPS_PROXY: 'socks5://user:hunter2@p' }
    expect(problemsOf(integration(), environment)).toEqual([
      expect.stringMatching(
        /^7:17: integrations\.sso: the environment variable HTTPS_PROXY is not the URL of an http or https proxy: correct it/,
      ),
    ])
    expect(problemsOf(integration(), environment).join()).not.toContain('hunter2')
    for (const more of [', proxy_url: none', ', enabled: false'])
      expect(problemsOf(integration(more), environment)).toEqual([])
  })
})

test("the environment's proxy is that of CockroachDB's settings too", () => {
  const settings = {
    'server.jwt_authentication.enabled': true,
    'server.jwt_authentication.issuers': 'https://a.example',
    'server.jwt_authentication.audience': 'cluster',
    'server.jwt_authentication.jwks_auto_fetch.enabled': true,
  }
  const yaml = `${minimal}settings: ${JSON.stringify(settings)}\n`
  const proxy = { url: 'http://p', exceptions: loopback }
  expect(load(yaml, { HTTPS_PROXY: 'http://p' }).config.integrations['cockroachdb']?.proxy).toEqual(
    proxy,
  )
  expect(problemsOf(yaml, { HTTPS_PROXY: 'ftp://hunter2' })).toEqual([
    expect.stringMatching(/settings: the environment variable HTTPS_PROXY .*: correct it$/),
  ])
})
