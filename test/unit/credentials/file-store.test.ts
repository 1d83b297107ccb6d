import { execFileSync } from 'node:child_process'
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { accountOf } from '../../../src/credentials/account.ts'
import { FileStore } from '../../../src/credentials/file-store.ts'
import { tokenFolder } from '../../../src/credentials/own-folder.ts'
import type { Profile } from '../../../src/credentials/profile.ts'
import type { Kept } from '../../../src/credentials/store.ts'

const isRoot = process.getuid?.() === 0

const profile: Profile = {
  endpoints: [],
  session: false,
  store: 'file',
  signIn: { flow: 'command', command: ['echo'] },
}
const kept: Kept = {
  grant: { token: 'secret', issuedAt: 1, expiresAt: 2, refreshToken: 'r', principal: 'Zoë' },
  session: { token: 's', issuedAt: 1, expiresAt: 2, user: 'app', roles: ['app', 'other'] },
  triedAt: 7,
}

let home: string
let store: FileStore
let path: string

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'portcullis-store-'))
  const account = accountOf({ name: 'db', profile })
  const folder = tokenFolder({ HOME: home })
  store = new FileStore(folder, account)
  path = join(folder.path, `${account.id}.json`)
})

afterEach(async () => rm(home, { recursive: true }))

test('what is written is read, and is for its user alone', async () => {
  expect(await store.read()).toBeUndefined()
  await store.write(kept)
  expect(await store.read()).toEqual(kept)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  for (const folder of ['.cache/portcullis', '.cache/portcullis/tokens']) {
    expect((await stat(join(home, folder))).mode & 0o777).toBe(0o700)
  }
  expect(await readdir(dirname(path))).toHaveLength(1)
})

test.each([0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666])(
  'a file with the rights %o is refused',
  async (mode) => {
    await store.write(kept)
    await chmod(path, mode)
    await expect(store.read()).rejects.toMatchObject({
      kind: 'configuration',
      message: `${path} is open to others`,
      hint: `Run: chmod go-rwx '${path}'`,
    })
  },
)

test.each(['', '..'])('a folder (tokens/%s) with open rights is refused', async (which) => {
  await store.write(kept)
  await chmod(join(dirname(path), which), 0o777)
  const problem = { kind: 'configuration', hint: expect.stringContaining('chmod go-') as string }
  await expect(store.read()).rejects.toMatchObject(problem)
  await expect(store.write(kept)).rejects.toMatchObject(problem)
})

test.runIf(isRoot)('a file of another user is refused', async () => {
  await store.write(kept)
  await chown(path, 65_534, 65_534)
  await expect(store.read()).rejects.toMatchObject({
    kind: 'configuration',
    message: `${path} belongs to another user`,
  })
})

test.runIf(isRoot).each(['', '..'])(
  'a folder (tokens/%s) of another user is refused',
  async (which) => {
    await store.write(kept)
    await chown(join(dirname(path), which), 65_534, 65_534)
    const problem = {
      kind: 'configuration',
      message: expect.stringContaining('another user') as string,
    }
    await expect(store.read()).rejects.toMatchObject(problem)
    await expect(store.write(kept)).rejects.toMatchObject(problem)
  },
)

test('a link is refused, be it the file or a folder', async () => {
  await store.write(kept)
  await rename(path, `${path}.elsewhere`)
  await symlink(`${path}.elsewhere`, path)
  await expect(store.read()).rejects.toMatchObject({ message: `${path} is a link` })
  const folder = dirname(path)
  await rename(folder, `${folder}.elsewhere`)
  await symlink(`${folder}.elsewhere`, folder)
  await expect(store.read()).rejects.toMatchObject({ message: `the folder ${folder} is a link` })
})

test('a link that leads nowhere is not followed when tokens are written', async () => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await symlink(join(home, 'elsewhere'), path)
  await store.write(kept)
  expect(await readdir(home)).toEqual(['.cache'])
  expect(await store.read()).toEqual(kept)
})

test('a pipe or a folder in place of the file is refused at once', async () => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  execFileSync('mkfifo', ['-m', '600', path])
  await expect(store.read()).rejects.toMatchObject({ message: `${path} is not a file` })
  await rm(path)
  await mkdir(path, { mode: 0o700 })
  await expect(store.read()).rejects.toMatchObject({ kind: 'configuration' })
})

test.each([
  ['is empty', ''],
  ['is cut', '{"version":1,"gr'],
  ['is of another version', JSON.stringify({ version: 2, ...kept })],
  ['is a list', '[]'],
  ['is null', 'null'],
  ['has no grant', '{"version":1}'],
  ['has a grant without a token', '{"version":1,"grant":{"token":"","issuedAt":1,"expiresAt":1}}'],
  ['has a token without an end', '{"version":1,"grant":{"token":"t","issuedAt":1}}'],
  ['has bytes that are none', Buffer.from([0xff, 0xfe, 0])],
  ['is over-long', JSON.stringify({ version: 1, ...kept, more: 'x'.repeat(300_000) })],
])('a file that %s is nothing, and replaced', async (_, text) => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(path, text, { mode: 0o600 })
  expect(await store.read()).toBeUndefined()
  await store.write(kept)
  expect(await store.read()).toEqual(kept)
})

test('what a writer that was killed has left is removed with the next write', async () => {
  await store.write(kept)
  await writeFile(`${path}.0.tmp`, 'secret', { mode: 0o600 })
  await store.write(kept)
  expect(await readdir(dirname(path))).toHaveLength(1)
})

test('tokens of what the profile said before go with the others, and no more than those', async () => {
  const folder = tokenFolder({ HOME: home })
  const others = [
    { name: 'db', profile: { ...profile, database: 'before' } },
    { name: 'db-2', profile },
  ]
  for (const named of others) await new FileStore(folder, accountOf(named)).write(kept)
  await store.write(kept)
  await store.remove()
  expect(await readdir(dirname(path))).toEqual([`${accountOf(others[1]!).id}.json`])
})

test.runIf(!isRoot)('where nothing can be written, the problem says what to do', async () => {
  await chmod(home, 0o500)
  await expect(store.write(kept)).rejects.toMatchObject({ kind: 'configuration' })
  await chmod(home, 0o700)
})

test('a file in place of the folder is a problem that says what to do', async () => {
  await writeFile(join(home, '.cache'), '')
  await expect(store.write(kept)).rejects.toMatchObject({
    kind: 'configuration',
    hint: expect.stringContaining('XDG_CACHE_HOME') as string,
  })
})

const turn = { patienceMs: 5_000, signal: AbortSignal.timeout(5_000) }
const nothing = async (): Promise<undefined> => Promise.resolve(undefined)

test('one at a time has its turn', async () => {
  const other = new FileStore(tokenFolder({ HOME: home }), accountOf({ name: 'db', profile }))
  const seen: string[] = []
  const work = async (name: string): Promise<void> => {
    seen.push(name)
    await store.write(kept)
    seen.push(name)
  }
  await Promise.all(
    [store, other, store].map(async (one, index) =>
      one.exclusively({
        ...turn,
        errand: 'renewing',
        meanwhile: nothing,
        run: async () => work(String(index)),
      }),
    ),
  )
  for (let index = 0; index < 6; index += 2) expect(seen[index]).toBe(seen[index + 1])
  expect(await readdir(dirname(path))).toHaveLength(1)
})

test('who waits takes what there is meanwhile, gives up in time, and when told to', async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const held = store.exclusively({
    ...turn,
    errand: 'renewing',
    meanwhile: nothing,
    run: async () => promise,
  })
  const attempt = { ...turn, errand: 'renewing' as const, run: async () => Promise.resolve('own') }
  await expect.poll(async () => readdir(dirname(path)).catch(() => [])).toHaveLength(1)
  expect(
    await store.exclusively({ ...attempt, meanwhile: async () => Promise.resolve('theirs') }),
  ).toBe('theirs')
  await expect(
    store.exclusively({ ...attempt, meanwhile: nothing, patienceMs: 30 }),
  ).rejects.toMatchObject({
    kind: 'unreachable',
    hint: expect.stringContaining(`the process ${process.pid}`) as string,
  })
  await expect(
    store.exclusively({ ...attempt, meanwhile: nothing, signal: AbortSignal.timeout(30) }),
  ).rejects.toMatchObject({ name: 'AbortError' })
  const asking = { ...attempt, errand: 'signing-in' as const }
  expect(await store.exclusively({ ...asking, meanwhile: nothing })).toBe('own')
  resolve(undefined)
  await held
})

test('the turn of a process that is gone is over', async () => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const lock = path.replace(/json$/, 'renewing.lock')
  const gone = execFileSync('sh', ['-c', 'echo $$']).toString().trim()
  const { hostname } = await import('node:os')
  const owner = { id: 'x', host: hostname(), pid: Number(gone), start: 'x' }
  await writeFile(lock, JSON.stringify(owner), { mode: 0o600 })
  const run = async (): Promise<string> => readFile(lock, 'utf8')
  const found = await store.exclusively({ ...turn, errand: 'renewing', meanwhile: nothing, run })
  expect(JSON.parse(found)).toMatchObject({ pid: process.pid })
})
