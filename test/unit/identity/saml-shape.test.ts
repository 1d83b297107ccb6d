import { expect, test } from 'vitest'
import { looksLikeSaml } from '../../../src/identity/saml-shape.ts'

const assertion = `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1" Version="2.0"><saml:Issuer>x</saml:Issuer></saml:Assertion>`
const response = `<?xml version="1.0"?>\n<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol">${assertion}</samlp:Response>`

function inBase64(text: string): string {
  return Buffer.from(text).toString('base64')
}

test.each([
  ['an assertion', assertion],
  ['an assertion without a prefix', assertion.replaceAll('saml:', '')],
  ['an encrypted assertion', assertion.replace('Assertion', 'EncryptedAssertion')],
  ['a response', response],
  ['a response behind a byte order mark', `\uFEFF${response}`],
  ['an assertion behind blanks', `\r\n \t${' '.repeat(1_000)}${assertion}`],
  ['an element of 64 characters', `<Assertion ${'x'.repeat(53)}`],
  ['64 characters of base64', inBase64(`<Assertion ${'x'.repeat(37)}`)],
  ['an assertion in base64', inBase64(assertion)],
  ['a response in base64', inBase64(response)],
  ['a response in base64url', Buffer.from(response).toString('base64url')],
  ['a response in lines of base64', inBase64(response).replaceAll(/(.{76})/g, '$1\r\n')],
  ['a response of a mebibyte', inBase64(response + ' '.repeat(1_048_576))],
])('%s is recognised as SAML', (_, password) => {
  expect(looksLikeSaml(password)).toBe(true)
})

test.each([
  ['nothing', ''],
  ['a password', 'correct horse battery staple'],
  ['a password like the beginning of XML', '<?xml version="1.0"?>'],
  ['a password like an element', '<Assertion>'],
  ['an element of 63 characters', `<Assertion ${'x'.repeat(52)}`],
  ['an assertion behind something else', `x${assertion}`],
  ['an assertion behind something else, in base64', inBase64(`x${assertion}`)],
  ['a long password', 'x'.repeat(100)],
  ['a long password in brackets', `<${'x'.repeat(100)}>`],
  ['another element', `<html lang="en">${'x'.repeat(100)}</html>`],
  ['a longer name', `<Responses>${'x'.repeat(100)}</Responses>`],
  ['base64 of something else', inBase64('x'.repeat(100))],
])('%s is not', (_, password) => {
  expect(looksLikeSaml(password)).toBe(false)
})
