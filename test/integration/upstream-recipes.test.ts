// The blocks of docs/upstreams.md are what `portcullis check --offline` takes.
import { execFile } from 'node:child_process'
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
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

test('each block of docs/upstreams.md is accepted', async () => {
  const text = await readFile(join(root, 'docs', 'upstreams.md'), 'utf8')
  const blocks = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block = '']) => block)
  expect(blocks.length).toBeGreaterThan(9)
  await using folder = await mkdtempDisposable(join(tmpdir(), 'portcullis-recipes-'))
  const inFolder = (name: string): string => join(folder.path, name)
  const authority = await createAuthority('recipes')
  const { certificate, key } = await authority.issue({ commonName: 'portcullis' })
  await run(process.execPath, [program, 'ca', 'init'], { cwd: folder.path })
  await Promise.all([
    writeFile(inFolder('server.crt'), certificate),
    writeFile(inFolder('server.key'), key, { mode: 0o600 }),
    ...['app_readonly', 'app_readwrite'].map(async (name) => writeFile(inFolder(name), 'secret')),
    ...['internal-ca.crt', 'global-bundle.pem', 'server-ca.pem', 'crdb-ca.crt', 'yb-ca.crt'].map(
      async (name) => writeFile(inFolder(name), authority.certificate),
    ),
  ])
  process.env['NEON_APP_READONLY'] = 'secret'
  for (const [index, block] of blocks.entries()) {
    const { databases } = parse(block) as Block
    const system = { integrations: ['people'], primary: 'people' }
    const file = inFolder(`${index}.yaml`)
    await writeFile(file, stringify({ ...around, databases: { system, ...databases } }))
    const findings = await inspect(readConfig(file).config, { isOffline: true })
    expect(findings.filter(({ verdict }) => verdict === 'problem')).toEqual([])
  }
})
