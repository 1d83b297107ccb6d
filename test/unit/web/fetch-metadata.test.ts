import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { isFromElsewhere } from '../../../src/web/fetch-metadata.ts'

const app = new Hono().all('*', (c) => c.json(isFromElsewhere(c)))

async function said(site?: string, mode = '', dest = '', method = 'GET'): Promise<unknown> {
  const headers = {
    ...(site !== undefined && { 'sec-fetch-site': site }),
    ...(mode !== '' && { 'sec-fetch-mode': mode }),
    ...(dest !== '' && { 'sec-fetch-dest': dest }),
  }
  return (await app.request('/', { headers, method })).json()
}

test.each<[string, Parameters<typeof said>]>([
  ['a program', []],
  ['a page of ours', ['same-origin', 'cors', 'empty', 'POST']],
  ['somebody who types the address', ['none', 'navigate', 'document']],
  ['a link of another site', ['cross-site', 'navigate', 'document']],
  ['a provider that sends a browser back', ['same-site', 'navigate', 'document']],
])('%s is let through', async (_, request) => {
  expect(await said(...request)).toBe(false)
})

test.each<[string, Parameters<typeof said>]>([
  ['a form of another site', ['cross-site', 'navigate', 'document', 'POST']],
  ['a form of a neighbour', ['same-site', 'navigate', 'document', 'POST']],
  ['a frame of another site', ['cross-site', 'navigate', 'iframe']],
  ['an image of another site', ['cross-site', 'no-cors', 'image']],
  ['a script of another site', ['cross-site', 'no-cors', 'script']],
  ['a request of another site', ['cross-site', 'cors', 'empty']],
  ['a request that does not say how', ['cross-site']],
  ['a site that nobody knows', ['elsewhere', 'cors', 'empty']],
])('%s is not', async (_, request) => {
  expect(await said(...request)).toBe(true)
})
