import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAuthority } from '../../demo/certificates.ts'
import { readTrusted } from '../../src/trusted-authorities.ts'

let folder: string
let certificate: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-trusted-'))
  ;({ certificate } = await createAuthority('one'))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

function read(content: string): string {
  const path = join(folder, 'ca.crt')
  writeFileSync(path, content)
  return readTrusted(path)
}

test('authorities are taken as they are, with what is written around them', () => {
  const content = `# one\n${certificate}\n# and again\n${certificate}`
  expect(read(content)).toBe(content)
})

test.each([
  ['an empty file', () => '', 'has no certificate'],
  ['half of one', () => certificate.slice(0, 300), 'has a certificate without an end'],
  [
    'a second one that is cut',
    () => certificate + certificate.slice(0, 300),
    'has a certificate without an end',
  ],
  [
    'one that is none',
    () => '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    'has a certificate that cannot be read',
  ],
])('%s is not taken for a list of nobody', (_, content, message) => {
  expect(() => read(content())).toThrow(message)
})
