import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { caInit } from '../../../src/cli/ca.ts'
import { readAuthority } from '../../../src/upstream/certificate-authority.ts'
import { mintAuthority } from '../../../src/upstream/mint-certificate.ts'

let folder: string
let files: { certificate: string; key: string }

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-ca-'))
  files = { certificate: join(folder, 'ca.crt'), key: join(folder, 'ca.key') }
})

afterEach(() => {
  rmSync(folder, { recursive: true })
  vi.restoreAllMocks()
})

async function init(options: { days?: string; name?: string } = {}) {
  const printed: string[] = []
  const collect = (text: unknown): boolean => {
    printed.push(String(text))
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(collect)
  vi.spyOn(process.stderr, 'write').mockImplementation(collect)
  const code = await caInit({ days: '3650', ...files, ...options }, mintAuthority)
  return { code, printed: printed.join('') }
}

describe('portcullis ca init', () => {
  test('makes an authority that can be used as it is, whose key is for its owner alone', async () => {
    const { code, printed } = await init({ days: '30', name: 'Größe "1"' })
    expect(code).toBe(0)
    expect(printed).toContain(`${files.key}: its key`)
    expect(printed).not.toContain(readFileSync(files.key, 'utf8').split('\n')[1])
    expect(statSync(files.key).mode & 0o777).toBe(0o600)
    const { certificate } = readAuthority(files)
    const days = (certificate.validToDate.getTime() - Date.now()) / 86_400_000
    expect(Math.round(days)).toBe(30)
    expect(certificate.validFromDate.getTime()).toBeLessThan(Date.now() - 4 * 60_000)
  })

  test('gives every authority a name of its own', async () => {
    await init()
    const first = readAuthority(files).certificate.subject
    for (const file of Object.values(files)) rmSync(file)
    await init()
    expect(readAuthority(files).certificate.subject).not.toBe(first)
  })

  test.each(['certificate', 'key'] as const)('leaves a %s that is there alone', async (kind) => {
    writeFileSync(files[kind], 'precious')
    expect((await init()).code).toBe(1)
    expect(readFileSync(files[kind], 'utf8')).toBe('precious')
    expect(readdirSync(folder)).toHaveLength(1)
  })

  test.each([
    { days: '0' },
    { days: '7301' },
    { days: '1.5' },
    { days: '-1' },
    { name: '' },
    { name: 'x'.repeat(65) },
  ])('makes nothing of %j', async (options) => {
    expect((await init(options)).code).toBe(64)
    expect(readdirSync(folder)).toEqual([])
  })
})
