import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ConsoleError } from '../../../src/admin/answer.ts'
import type { CatalogAuthor, CatalogEdit } from '../../../src/admin/catalog-home.ts'
import { FileCatalog } from '../../../src/catalog/catalog-home.ts'
import type { ChangeRecord } from '../../../src/catalog/change-record.ts'
import { takeLock } from '../../../src/files/file-lock.ts'
import { loadConfig } from '../../../src/config/index.ts'

const text = `# the gate
node: gw0
tls: { certificate: server.crt, key: server.key }
integrations:
  people: # of the company
    issuer: https://auth.example.com
    client_id: gate
identity_map: |   # pg_ident
  https://auth.example.com  /^(.*)@example\\.com$  \\1
groups:
  readonly:  { role: app_readonly }   # may look
databases:
  system: { integrations: [people] }
connectivity_pools:
  sso_pool:
    participants:
      - { node: gw0, listen_address: 127.0.0.1, listen_port: 6432 }
`

const alice: CatalogAuthor = { name: 'alice', by: 'console', session: 's1' }

interface Opened {
  readonly home: FileCatalog
  readonly taken: string[]
  readonly audited: ChangeRecord[]
  readonly seen: string[]
  readonly folders: string[]
}

let folder: string
let file: string
/** What the workers, and the audit, say to the next change. */
let refusal: Error | undefined
let auditFailure: Error | undefined
const homes: FileCatalog[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-home-'))
  file = join(folder, 'portcullis.yaml')
  refusal = undefined
  auditFailure = undefined
  await writeFile(file, text, { mode: 0o640 })
})

afterEach(async () => {
  for (const home of homes.splice(0)) home.close()
  await chmod(folder, 0o700)
  await rm(folder, { recursive: true, force: true })
})

async function open(options: { readonly lockTimeoutMs?: number } = {}): Promise<Opened> {
  let turn: Promise<unknown> = Promise.resolve()
  const taken: string[] = []
  const audited: ChangeRecord[] = []
  const seen: string[] = []
  const folders: string[] = []
  const home = new FileCatalog({
    file,
    loaded: loadConfig(file),
    read: (content) => loadConfig(file, {}, undefined, content),
    inTurn: async (work) => {
      const next = turn.then(work)
      turn = next.catch(() => {})
      return next
    },
    takeOver: async (loaded, _, keep) => {
      if (refusal !== undefined) throw refusal
      await keep()
      taken.push(loaded.text)
    },
    audit: async (record) => {
      await Promise.resolve()
      if (auditFailure !== undefined) throw auditFailure
      audited.push(record)
    },
    observer: {
      changed() {},
      failed() {},
      fileSeen: (state) => void seen.push(state),
      withoutFolder: (path) => void folders.push(path),
    },
    now: () => 1_000,
    ...options,
  })
  homes.push(home)
  await home.open()
  return { home, taken, audited, seen, folders }
}

const setRole = (role: string): readonly CatalogEdit[] => [
  { kind: 'set', path: ['groups', 'readonly', 'role'], value: role },
]

const setRank = (rank: number): readonly CatalogEdit[] => [
  { kind: 'set', path: ['groups', 'readonly', 'rank'], value: rank },
]

const content = async (): Promise<string> => readFile(file, 'utf8')

async function faultOf(work: Promise<unknown>): Promise<ConsoleError['fault']> {
  const error = await work.then(
    () => undefined,
    (one: unknown) => one as ConsoleError,
  )
  if (error === undefined) throw new Error('it was done')
  return error.fault
}

test('a change is in the file, in use and a version, and what it does not concern stays', async () => {
  const { home, taken, audited } = await open()
  expect(home.state).toMatchObject({ version: 1, by: 'start', mode: 'read-write', problems: [] })
  const change = await home.change(alice, 'ALTER GROUP', () => setRole('app_reader'))
  expect(change).toEqual({
    version: 2,
    at: 1_000,
    author: 'alice',
    by: 'console',
    what: 'ALTER GROUP',
    notices: [],
  })
  expect(await content()).toBe(text.replace('app_readonly', 'app_reader'))
  expect(taken).toEqual([await content()])
  expect((await stat(file)).mode & 0o777).toBe(0o640)
  expect(home.state.tree['groups']).toEqual({ readonly: { role: 'app_reader' } })
  expect(await home.history()).toMatchObject([{ version: 2 }, { version: 1 }])
  expect(audited.at(-1)).toMatchObject({ outcome: 'done', author: alice, version: { version: 2 } })
  expect(await readdir(folder)).toEqual(['portcullis.yaml', 'portcullis.yaml.versions'])
})

test('versions are for their owner alone, and begin with who made them', async () => {
  const { home } = await open()
  await home.change(alice, 'ALTER GROUP', () => setRank(1))
  const versions = `${file}.versions`
  expect((await stat(versions)).mode & 0o777).toBe(0o700)
  expect(await readdir(versions)).toEqual(['1.yaml', '2.yaml'])
  expect((await stat(join(versions, '2.yaml'))).mode & 0o777).toBe(0o600)
  const [header = ''] = (await readFile(join(versions, '2.yaml'), 'utf8')).split('\n')
  expect(JSON.parse(header.slice(2))).toMatchObject({ version: 2, author: 'alice' })
})

test('the numbers go on after a restart, and a file that was changed meanwhile is a version', async () => {
  const first = await open()
  await first.home.change(alice, 'ALTER GROUP', () => setRank(1))
  expect((await open()).home.state).toMatchObject({ version: 2, author: 'alice' })
  await writeFile(file, text)
  expect((await open()).home.state).toMatchObject({ version: 3, by: 'start' })
})

test('a bad change is refused whole, in words of the catalog', async () => {
  const { home, taken } = await open()
  const fault = await faultOf(
    home.change(alice, 'ALTER', () => [
      { kind: 'set', path: ['groups', 'other', 'role'], value: 'fine' },
      { kind: 'set', path: ['groups', 'readonly', 'rank'], value: 'high' },
    ]),
  )
  expect(fault.sqlstate).toBe('22023')
  expect(fault.message).toMatch(/^groups\.readonly\.rank: must be a whole number/)
  expect(await content()).toBe(text)
  expect(taken).toEqual([])
  expect(home.state.version).toBe(1)
})

test('text is meant literally, and a reference is one only where it is said', async () => {
  const { home } = await open()
  await home.change(alice, 'ALTER', () => [
    { kind: 'set', path: ['integrations', 'people', 'client_id'], value: '${env:PATH}' },
  ])
  expect(await content()).toContain('client_id: "$${env:PATH}"')
})

test('only the catalog can be changed', async () => {
  const { home } = await open()
  const edits: readonly CatalogEdit[] = [{ kind: 'set', path: ['audit', 'sink'], value: 'none' }]
  expect((await faultOf(home.change(alice, 'ALTER', () => edits))).sqlstate).toBe('42501')
})

test('what a plan throws is thrown, and a plan without edits changes nothing', async () => {
  const { home } = await open()
  const failing = home.change(alice, 'ALTER', () => {
    throw new RangeError('as planned')
  })
  await expect(failing).rejects.toThrow(new RangeError('as planned'))
  await expect(failing).rejects.toBeInstanceOf(RangeError)
  expect(await home.change(alice, 'ALTER', () => [])).toBe('unchanged')
  expect(await home.change(alice, 'ALTER', () => setRole('app_readonly'))).toBe('unchanged')
  expect(home.state.version).toBe(1)
})

test('where a worker refuses, the file, the version and its folder are as before', async () => {
  const { home } = await open()
  refusal = new Error('listen EADDRNOTAVAIL: address not available 192.0.2.1:6432')
  const fault = await faultOf(home.change(alice, 'ALTER', () => setRank(1)))
  expect(fault.message).toContain('EADDRNOTAVAIL')
  expect(await content()).toBe(text)
  expect(await readdir(`${file}.versions`)).toEqual(['1.yaml'])
  refusal = undefined
  expect(await home.change(alice, 'ALTER', () => setRank(1))).toMatchObject({ version: 2 })
})

test('where the change cannot be recorded, it is not made', async () => {
  const { home, taken } = await open()
  auditFailure = new Error('audit records cannot be written')
  const fault = await faultOf(home.change(alice, 'ALTER', () => setRank(1)))
  expect(fault.message).toContain('audit records cannot be written')
  expect(await content()).toBe(text)
  expect(taken).toEqual([])
  expect(await readdir(`${file}.versions`)).toEqual(['1.yaml'])
})

test('where the file cannot be written, nothing has changed, and the audit says so', async () => {
  const { home, audited } = await open()
  await mkdir(join(folder, 'elsewhere'))
  await symlink(join(folder, 'elsewhere', 'gone.yaml'), join(folder, 'link'))
  await rm(file)
  await symlink(join(folder, 'link'), file)
  const fault = await faultOf(home.change(alice, 'ALTER', () => setRank(1)))
  expect(fault.sqlstate).toBe('55000')
  expect(audited.every(({ outcome }) => outcome === 'done')).toBe(true)
  expect(home.state.version).toBe(1)
})

test('a file that is a link stays one: what it leads to is replaced', async () => {
  await mkdir(join(folder, 'real'))
  await writeFile(join(folder, 'real', 'a.yaml'), text)
  await rm(file)
  await symlink(join('real', 'a.yaml'), file)
  const { home } = await open()
  await home.change(alice, 'ALTER', () => setRank(3))
  expect(await readFile(join(folder, 'real', 'a.yaml'), 'utf8')).toContain('rank: 3')
  expect(await readdir(join(folder, 'real'))).toEqual(['a.yaml'])
})

test('a change by hand that is valid becomes a version of its own before the next change', async () => {
  const { home } = await open()
  await writeFile(file, `${text}# by hand\n`)
  const change = await home.change(alice, 'ALTER', () => setRank(1))
  expect(change).toMatchObject({ version: 3, notices: [expect.stringContaining('version 2')] })
  expect(await home.history()).toMatchObject([{ by: 'console' }, { by: 'file' }, { by: 'start' }])
  expect(await content()).toContain('# by hand')
})

test('a file that was broken by hand is not written over', async () => {
  const { home, seen } = await open()
  await writeFile(file, `${text}wrokers: 2\n`)
  const fault = await faultOf(home.change(alice, 'ALTER', () => setRank(1)))
  expect(fault).toMatchObject({ sqlstate: '55000' })
  expect(fault.detail).toContain('wrokers: unknown key')
  expect(home.state.problems[0]).toContain('portcullis.yaml:18:1: wrokers')
  expect(seen).toEqual(['broken'])
  expect(await content()).toContain('wrokers')
  await writeFile(file, text)
  await home.reload()
  expect(home.state.problems).toEqual([])
})

test('read-only: the file to edit is named, and a reload is a version', async () => {
  await writeFile(file, `catalog: read-only\n${text}`)
  const { home } = await open()
  const fault = await faultOf(home.change(alice, 'ALTER', () => setRank(1)))
  expect(fault).toMatchObject({ sqlstate: '25006', hint: expect.stringContaining(file) as string })
  await writeFile(file, `catalog: { mode: read-only }\n${text}`)
  await home.reload()
  expect(home.state).toMatchObject({ version: 2, by: 'file', mode: 'read-only' })
})

test('an earlier version becomes a new one, comments and all', async () => {
  const { home } = await open()
  await home.change(alice, 'ALTER', () => setRank(1))
  await home.change(alice, 'ALTER', () => setRank(2))
  const change = await home.rollback({ ...alice, by: 'rollback' }, 1)
  expect(change).toMatchObject({ version: 4, by: 'rollback', what: 'ROLLBACK CATALOG TO 1' })
  expect(await content()).toBe(text)
  expect((await faultOf(home.rollback(alice, 17))).sqlstate).toBe('42704')
  expect(await home.rollback(alice, 4)).toBe('unchanged')
})

test('the text of a version has neither secrets nor comments in it', async () => {
  await writeFile(
    file,
    text
      .replace('client_id: gate', 'client_id: gate\n    client_secret: hunter22')
      .replace('# the gate', '# the gate, hunter22'),
  )
  const { home } = await open()
  await home.change(alice, 'ALTER', () => setRank(1))
  const [before, after] = await Promise.all([home.textOf(1), home.textOf(2)])
  expect(before).toContain('********')
  expect(before).not.toContain('hunter22')
  expect(before).not.toContain('#')
  expect(after).toBe(before!.replace('role: app_readonly', 'role: app_readonly\n    rank: 1'))
  expect(await home.textOf(3)).toBeUndefined()
})

test('so many versions are kept as are wanted', async () => {
  await writeFile(file, `catalog: { versions: 3 }\n${text}`)
  const { home } = await open()
  for (let rank = 1; rank <= 5; rank++) await home.change(alice, 'ALTER', () => setRank(rank))
  expect((await home.history()).map(({ version }) => version)).toEqual([6, 5, 4])
  expect(await readdir(`${file}.versions`)).toEqual(['4.yaml', '5.yaml', '6.yaml'])
})

test('two services on one file do not lose changes of each other', async () => {
  const [one, other] = [await open(), await open()]
  const changes = Array.from({ length: 10 }, async (_, index) => {
    const { home } = index % 2 === 0 ? one : other
    return home.change(alice, `CREATE GROUP g${index}`, () => [
      { kind: 'set', path: ['groups', `g${index}`], value: { role: `r${index}` } },
    ])
  })
  const versions = (await Promise.all(changes)).map((one_) =>
    one_ === 'unchanged' ? 0 : one_.version,
  )
  expect(new Set(versions).size).toBe(10)
  const written = await content()
  for (let index = 0; index < 10; index++) expect(written).toContain(`role: r${index}`)
})

test('a lock that somebody holds is waited for only so long', async () => {
  const { home } = await open({ lockTimeoutMs: 50 })
  const lock = await takeLock(`${file}.lock`, 50)
  const fault = await faultOf(home.change(alice, 'ALTER', () => setRank(1)))
  expect(fault).toMatchObject({ sqlstate: '55P03' })
  expect(fault.message).toContain(`the process ${process.pid}`)
  await lock.release()
  expect(await home.change(alice, 'ALTER', () => setRank(1))).toMatchObject({ version: 2 })
})

test('what a killed process left behind is taken away, and its change is its own', async () => {
  const first = await open()
  await first.home.change(alice, 'ALTER GROUP', () => setRank(1))
  const versions = `${file}.versions`
  // As if it had been killed between writing the file and making its version one; and in the middle of the next.
  const done = await readFile(join(versions, '2.yaml'), 'utf8')
  await rm(join(versions, '2.yaml'))
  await writeFile(join(versions, '2.yaml.pending'), done)
  await writeFile(join(versions, '3.yaml.pending'), '# {"version":3')
  await writeFile(`${file}.portcullis-1.tmp`, 'half')
  const lock = { id: 'x', host: (await import('node:os')).hostname(), pid: 4_194_304, start: 'x' }
  await writeFile(`${file}.lock`, JSON.stringify(lock))
  const { home } = await open()
  expect(home.state).toMatchObject({ version: 2, author: 'alice', by: 'console' })
  expect(await readdir(versions)).toEqual(['1.yaml', '2.yaml'])
  expect(await readdir(folder)).toEqual(['portcullis.yaml', 'portcullis.yaml.versions'])
})

test.skipIf(process.getuid?.() === 0)(
  'without a folder for versions there is one place to change the file',
  async () => {
    await chmod(folder, 0o500)
    const { home, folders } = await open()
    expect(folders).toEqual([`${file}.versions`])
    const fault = await faultOf(home.change(alice, 'ALTER', () => setRank(1)))
    expect(fault).toMatchObject({ sqlstate: '25006' })
    expect(await home.history()).toMatchObject([{ version: 1 }])
  },
)

test('without a folder for versions they are in memory, and the console changes nothing', async () => {
  await writeFile(`${file}.versions`, 'no folder')
  const { home, folders } = await open()
  expect(folders).toEqual([`${file}.versions`])
  expect(await faultOf(home.change(alice, 'ALTER', () => setRank(1)))).toMatchObject({
    sqlstate: '25006',
    hint: expect.stringContaining(file) as string,
  })
  await writeFile(file, `${text}# by hand\n`)
  await home.reload()
  expect(await home.history()).toMatchObject([{ version: 2 }, { version: 1 }])
})
