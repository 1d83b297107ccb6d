// The blocks of docs/upstreams.md and docs/load-balancers.md are what `portcullis check --offline` takes.
import { execFile } from 'node:child_process'
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { createAuthority } from '../../demo/certificates.ts'
import { readConfig } from '../../src/cli/read-config.ts'
import { inspect } from '../../src/inspection/inspect.ts'
import { root } from '../../tools/run.ts'

const run = promisify(execFile)
const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** What a reader has beside the block. */
const around = {
  node: 'gw0',
  tls: { certificate: 'server.crt', key: 'server.key' },
  groups: { readonly: { role: 'app_readonly' }, readwrite: { role: 'app_readwrite' } },
  integrations: {
    people: {
      issuer: 'https://auth.example.com',
      client_id: 'portcullis',
      default_group: 'readonly',
      groups_claim_ids: ['groups'],
      groups_claim_mappings: { writers: 'readwrite' },
      enable_id_token_authentication: true,
    },
  },
  connectivity_pools: {
    all: { participants: [{ node: 'gw0', listen_address: '127.0.0.1', listen_port: 6432 }] },
  },
}

interface Block {
  readonly databases: Readonly<Record<string, object>>
}

const usual = { system: { integrations: ['people'], primary: 'people' } }

async function blocksOf(document: string): Promise<readonly object[]> {
  const text = await readFile(join(root, 'docs', document), 'utf8')
  return [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(
    ([, block = '']) => parse(block) as object,
  )
}

let folder: Awaited<ReturnType<typeof mkdtempDisposable>>

beforeAll(async () => {
  folder = await mkdtempDisposable(join(tmpdir(), 'portcullis-recipes-'))
  const authority = await createAuthority('recipes')
  const { certificate, key } = await authority.issue({
    commonName: 'portcullis',
    names: ['db.example.com', 'sso.example.com'],
  })
  await run(process.execPath, [program, 'ca', 'init'], { cwd: folder.path })
  const secret = 'a secret that is long enough for everything'
  const files = {
    ...{ 'server.crt': certificate, 'server.key': key },
    ...{ app_readonly: secret, app_readwrite: secret, 'web-secret': secret },
    ...Object.fromEntries(authorities.map((name) => [name, authority.certificate])),
  }
  for (const [name, text] of Object.entries(files))
    await writeFile(join(folder.path, name), text, { mode: 0o600 })
  process.env['NEON_APP_READONLY'] = secret
})

afterAll(async () => folder.remove())

const authorities = [
  'internal-ca.crt',
  'global-bundle.pem',
  'server-ca.pem',
  'crdb-ca.crt',
  'yb-ca.crt',
]

async function problemsOf(config: object): Promise<readonly object[]> {
  const file = join(folder.path, 'portcullis.yaml')
  const findings = await inspect(readConfig(file, stringify(config)).config, { isOffline: true })
  return findings.filter(({ verdict }) => verdict === 'problem')
}

test('each block of docs/upstreams.md is accepted', async () => {
  const blocks = (await blocksOf('upstreams.md')) as readonly Block[]
  expect(blocks.length).toBeGreaterThan(9)
  for (const { databases } of blocks)
    expect(await problemsOf({ ...around, databases: { ...usual, ...databases } })).toEqual([])
})

test('what docs/load-balancers.md says that every replica needs is accepted', async () => {
  const [block, ...others] = await blocksOf('load-balancers.md')
  expect(others).toEqual([])
  expect(await problemsOf({ ...around, databases: usual, ...block })).toEqual([])
})
