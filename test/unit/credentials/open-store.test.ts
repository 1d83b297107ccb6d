import { createServer } from 'node:net'
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStore, type StoreOptions } from '../../../src/credentials/open-store.ts'
import type { Profile, StoreKind } from '../../../src/credentials/profile.ts'
import type { Kept, TokenStore } from '../../../src/credentials/store.ts'

const keyringChild = fileURLToPath(new URL('../../support/fake-keyring.js', import.meta.url))
const kept: Kept = { grant: { token: 't', issuedAt: 1, expiresAt: 2 } }

let home: string
let environment: Record<string, string>
let warnings: string[]
let nowMs: number

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'portcullis-open-'))
  environment = {
    HOME: home,
    DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere',
    FAKE_KEYRING_FOLDER: join(home, 'keyring'),
  }
  warnings = []
  nowMs = 0
})

afterEach(async () => rm(home, { recursive: true }))

function open(kind: StoreKind, options: Partial<StoreOptions> = {}): TokenStore {
  const profile: Profile = {
    endpoints: [],
    session: false,
    store: kind,
    signIn: { flow: 'command', command: ['echo'] },
  }
  return openStore(
    { name: 'db', profile },
    {
      environment,
      isAttended: false,
      now: () => nowMs,
      onWarning: ({ message }) => warnings.push(message),
      platform: 'linux',
      keyringChild,
      ...options,
    },
  )
}

const files = async (): Promise<readonly string[]> =>
  readdir(join(home, '.cache/portcullis/tokens')).catch(() => [])

test('where a keyring works it has the tokens, and no file does', async () => {
  const store = open('auto')
  expect(await store.read()).toBeUndefined()
  await store.write(kept)
  expect(await open('auto').read()).toEqual(kept)
  expect(await open('keyring').read()).toEqual(kept)
  expect(await store.describe()).toBe('the keyring of the system')
  expect(await files()).toEqual([])
  await open('auto').remove()
  expect(await open('keyring').read()).toBeUndefined()
})

test.each(['fail', 'babble'])(
  'where a keyring does not work (%s) a file has them',
  async (what) => {
    environment['FAKE_KEYRING'] = what
    const store = open('auto')
    await store.write(kept)
    expect(warnings).toEqual(['the keyring of the system did not read the tokens'])
    expect(await open('auto').read()).toEqual(kept)
    expect(await files()).toHaveLength(1)
    expect(await store.describe()).toContain(home)
    await expect(open('keyring').read()).rejects.toMatchObject({
      kind: 'configuration',
      hint: expect.stringContaining('store: file') as string,
    })
  },
)

test('once a file has tokens, a keyring that works again does not hide them', async () => {
  environment['FAKE_KEYRING'] = 'fail'
  await open('auto').write(kept)
  delete environment['FAKE_KEYRING']
  expect(await open('auto').read()).toEqual(kept)
  await open('keyring').write({ grant: { ...kept.grant, token: 'other' } })
  await open('auto').remove()
  expect(await open('keyring').read()).toBeUndefined()
  expect(await files()).toEqual([])
})

test('without a bus a file is used at once, and nothing is started to find that out', async () => {
  delete environment['DBUS_SESSION_BUS_ADDRESS']
  const store = open('auto', { keyringChild: '/nowhere' })
  await store.write(kept)
  expect(await store.read()).toEqual(kept)
  expect(warnings).toEqual([])
  expect(() => open('keyring')).toThrow('there is no keyring here')
})

test('what a keyring said is not asked for again within moments, but in a turn of our own', async () => {
  const store = open('keyring')
  await store.write(kept)
  const other = open('keyring')
  const newer: Kept = { grant: { ...kept.grant, token: 'newer' } }
  await other.write(newer)
  expect(await store.read()).toEqual(kept)
  const turn = {
    errand: 'renewing',
    patienceMs: 1_000,
    signal: AbortSignal.timeout(5_000),
    meanwhile: async () => Promise.resolve(undefined),
  } as const
  expect(await store.exclusively({ ...turn, run: async () => store.read() })).toEqual(newer)
  await other.write(kept)
  nowMs += 5_000
  expect(await store.read()).toEqual(kept)
})

test('an entry that cannot be read is nothing, and replaced', async () => {
  await open('keyring').write(kept)
  const [name] = await readdir(join(home, 'keyring'))
  await writeFile(join(home, 'keyring', name!), 'no JSON')
  const store = open('keyring')
  expect(await store.read()).toBeUndefined()
  await store.write(kept)
  expect(await open('keyring').read()).toEqual(kept)
})

test('a real bus that does not answer is given up in time', { timeout: 15_000 }, async () => {
  const socket = join(home, 'bus')
  const server = createServer(() => {}).listen(socket)
  environment['DBUS_SESSION_BUS_ADDRESS'] = `unix:path=${socket}`
  const began = performance.now()
  const store = open('auto', { keyringChild: undefined })
  await store.write(kept)
  expect(performance.now() - began).toBeLessThan(10_000)
  expect(warnings).toEqual(['the keyring of the system did not read the tokens'])
  expect(await store.read()).toEqual(kept)
  server.close()
})

test('where nothing can be written tokens live as long as the process does', async () => {
  environment = { HOME: '/dev/null' }
  const store = open('auto')
  await store.write(kept)
  expect(await store.read()).toEqual(kept)
  expect(warnings[0]).toMatch(/^tokens cannot be kept in .* \(ENOTDIR\)$/)
  await expect(open('file').write(kept)).rejects.toMatchObject({ kind: 'configuration' })
})

test('a folder that is put right is used from then on', async () => {
  await open('file').write(kept)
  const folder = join(home, '.cache/portcullis/tokens')
  await chmod(folder, 0o755)
  const store = open('auto')
  await expect(store.read()).rejects.toMatchObject({ kind: 'configuration' })
  await chmod(folder, 0o700)
  expect(await store.read()).toEqual(kept)
})

test('with `none` tokens live as long as the process does', async () => {
  await open('none').write(kept)
  expect(await open('none').read()).toBeUndefined()
  expect(await readdir(home)).toEqual([])
})
