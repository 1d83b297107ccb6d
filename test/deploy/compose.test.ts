// The files of deploy/compose, as far as they can be judged without an engine that runs them.
import { execFileSync } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runProgram } from '../drivers/program.ts'
import { checkConfig } from './support/check-config.ts'
import { goTool, hasProgram } from './support/tools.ts'

interface Composed {
  readonly services: Readonly<Record<string, Service>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

interface Service {
  readonly volumes?: readonly { readonly type: string; readonly source: string }[]
  readonly secrets?: readonly { readonly source: string }[]
}

const deploy = fileURLToPath(new URL('../../deploy', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'portcullis-compose-'))
const place = join(folder, 'deploy', 'compose')
const compose = await goTool('compose')
const hasOpenssl = await hasProgram('openssl', 'version')

beforeAll(async () => {
  await cp(deploy, join(folder, 'deploy'), {
    recursive: true,
    filter: (path) => !path.includes('/generated'),
  })
  if (hasOpenssl) execFileSync('sh', ['setup.sh'], { cwd: place })
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe.skipIf(compose === undefined || !hasOpenssl)('docker-compose.yaml', () => {
  let composed: Composed

  beforeAll(async () => {
    const command = [compose ?? '', '-format', 'json', join(place, 'docker-compose.yaml')]
    const { failure, stdout, stderr } = await runProgram(command, { folder: place, seconds: 60 })
    expect({ failure, stderr }).toMatchObject({ failure: undefined })
    composed = JSON.parse(stdout) as Composed
  })

  test('is one, by the loader of compose', () => {
    expect(Object.keys(composed.services).toSorted()).toEqual(
      ['gate-1', 'gate-2', 'grafana', 'keycloak', 'postgres', 'prometheus'].toSorted(),
    )
  })

  test('mounts what is there', async () => {
    const mounts = Object.values(composed.services).flatMap(({ volumes = [] }) =>
      volumes.filter(({ type }) => type === 'bind').map(({ source }) => source),
    )
    const files = [...mounts, ...Object.values(composed.secrets).map(({ file }) => file)]
    expect(files.length).toBeGreaterThan(15)
    for (const file of files) await expect(readFile(file), file).resolves.toBeDefined()
  })

  test('uses every secret that it has', () => {
    const used = Object.values(composed.services).flatMap(({ secrets = [] }) =>
      secrets.map(({ source }) => source),
    )
    expect([...new Set(used)].toSorted()).toEqual(Object.keys(composed.secrets).toSorted())
  })
})

describe.skipIf(!hasOpenssl)('setup.sh', () => {
  test('leaves its folder to its owner, and what it has made', async () => {
    expect((await readdir(place)).filter((name) => name.startsWith('generated'))).toEqual([
      'generated',
    ])
    const again = execFileSync('sh', ['setup.sh'], { cwd: place, encoding: 'utf8' })
    expect(again).toBe('generated is there already\n')
  })

  test('makes certificates of its authority, for the names by which servers are reached', () => {
    const names = { gate: 'localhost', keycloak: 'keycloak.localhost', postgres: 'postgres' }
    for (const [file, name] of Object.entries(names)) {
      const args = ['verify', '-CAfile', 'ca.crt', '-verify_hostname', name, `${file}.crt`]
      const said = execFileSync('openssl', args, {
        cwd: join(place, 'generated'),
        encoding: 'utf8',
      })
      expect(said).toContain('OK')
    }
  })

  test('puts a password of its own into the realm for each person', async () => {
    const realm = await readFile(join(place, 'generated/realm.json'), 'utf8')
    expect(realm).not.toContain('PASSWORD_OF')
    for (const person of ['alice', 'bob']) {
      expect(realm).toContain(await readFile(join(place, `generated/password-${person}`), 'utf8'))
    }
  })
})

test('the groups and the client of the realm are those of the configuration', async () => {
  const realm = parse(await readFile(join(deploy, 'compose/realm.json'), 'utf8')) as {
    readonly groups: readonly { readonly name: string }[]
    readonly clients: readonly { readonly clientId: string }[]
  }
  const { integrations } = parse(
    await readFile(join(deploy, 'compose/portcullis.yaml'), 'utf8'),
  ) as { integrations: { people: { client_id: string; groups_claim_mappings: object } } }
  expect(realm.groups.map(({ name }) => name)).toEqual(
    Object.keys(integrations.people.groups_claim_mappings),
  )
  expect(realm.clients.map(({ clientId }) => clientId)).toEqual([integrations.people.client_id])
})

test.each(['compose/portcullis.yaml', 'debian/portcullis.yaml', 'portcullis.yaml'])(
  'portcullis check accepts %s',
  async (name) => {
    expect(await checkConfig(await readFile(join(deploy, name), 'utf8'))).toBe('fine')
  },
)
