import { expect, test } from 'vitest'
import { heldWeb, isMoved } from '../../src/web-restart.ts'
import { load, minimal } from './config/load.ts'

function webOf(section: string, url = 'https://gate.example.com') {
  return load(`${minimal}web: { public_url: "${url}"${section} }\n`).config.web
}

const before = webOf('')

test.each([
  ['public_url', webOf('', 'https://other.example.com')],
  ['node_url', webOf(', node_url: "https://node1.example.com"')],
  ['listen_address', webOf(', listen_address: 127.0.0.2')],
  ['listen_port', webOf(', listen_port: 8444')],
  ['behind_proxy', webOf(', behind_proxy: true')],
])('%s of the pages stays as it was until the next start', (_, read) => {
  expect(isMoved(before, read)).toBe(true)
  expect(heldWeb(before, read)).toEqual(before)
})

test('everything else of the pages is as it is written now', () => {
  const read = webOf(', autologin: true, session_lifetime: 1h')
  expect(isMoved(before, read)).toBe(false)
  expect(heldWeb(before, read)).toEqual(read)
})

test('a reload opens no pages and closes none', () => {
  expect(heldWeb(undefined, before)).toBeUndefined()
  expect(heldWeb(before, undefined)).toBe(before)
  expect(isMoved(undefined, before)).toBe(true)
  expect(isMoved(before, undefined)).toBe(true)
  expect(isMoved(undefined, undefined)).toBe(false)
})
