import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { caInit, caPgConfig } from '../../../src/cli/ca.ts'
import { readAuthority } from '../../../src/upstream/certificate-authority.ts'
import { mintAuthority } from '../../../src/upstream/mint-certificate.ts'
import { minimal, withFiles } from '../config/load.ts'

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

function listen(): readonly string[] {
  const printed: string[] = []
  const collect = (text: unknown): boolean => {
    printed.push(String(text))
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(collect)
  vi.spyOn(process.stderr, 'write').mockImplementation(collect)
  return printed
}

async function init(options: { days?: string; name?: string } = {}) {
  const printed = listen()
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

describe('portcullis ca pg-config', () => {
  const auth = '{ method: certificate, ca_certificate: ca.crt, ca_key: ca.key }'
  const right = `${minimal}databases: { a: { upstream: { host: db, auth: ${auth} } } }\n`

  test.each([
    ['the lines', right, [], 0, 'hostssl "a" all all cert'],
    ['that there is nothing to do', minimal, [], 1, 'no database has `auth.method: certificate`'],
    [
      'that no address range is one',
      right,
      ['10.0.0.0/8', 'all cert\nhost all'],
      64,
      '--from "all',
    ],
    ['what is wrong with a configuration', 'nod: gw0\n', [], 78, 'nod: unknown key'],
  ])('tells %s', (_, yaml, from, code, told) => {
    const printed = listen()
    const exitCode = withFiles(yaml, {}, (config) => caPgConfig({ config, from }, () => 'PEM'))
    expect(printed.join('')).toContain(told)
    expect(exitCode).toBe(code)
  })
})
