import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ConsoleError } from '../../../src/admin/answer.ts'
import type { CatalogAuthor, CatalogEdit } from '../../../src/admin/catalog-home.ts'
import { CatalogTable } from '../../../src/catalog/catalog-table.ts'
import type { ChangeRecord } from '../../../src/catalog/change-record.ts'
import { beginWith, firstVersion, StoreCatalog } from '../../../src/catalog/store-catalog.ts'
import { joinTexts, readJoined } from '../../../src/catalog/shared-text.ts'
import { ConfigError, formatProblem, loadConfig, readWritten } from '../../../src/config/index.ts'
import { MemoryDatabase, type MemoryStore } from '../../support/memory-store.ts'

const text = `# the gate
node: gw0
integrations:
  people: # of the company
    issuer: https://auth.example.com
    client_id: gate
groups:
  readonly:  { role: app_readonly }   # may look
tls: { certificate: server.crt, key: server.key }
databases:
  system: { integrations: [people] }
connectivity_pools:
  sso_pool:
    participants:
      - { node: gw0, listen_address: 127.0.0.1, listen_port: 6432 }
log: { level: info }
`

const alice: CatalogAuthor = { name: 'alice', by: 'console' }

interface Opened {
  readonly home: StoreCatalog
  readonly store: MemoryStore
  readonly file: string
  readonly taken: string[]
  readonly audited: ChangeRecord[]
  readonly behind: (number | undefined)[]
  readonly putBack: number[]
  /** What its workers say to the next configuration. */
  refusal: Error | undefined
  auditFailure: Error | undefined
}

let folder: string
let database: MemoryDatabase
const homes: StoreCatalog[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-store-'))
  database = new MemoryDatabase()
})

afterEach(async () => {
  for (const home of homes.splice(0)) home.close()
  await rm(folder, { recursive: true, force: true })
})

async function open(name: string, own = text): Promise<Opened> {
  const file = join(folder, `${name}.yaml`)
  await writeFile(file, own)
  const store = database.store()
  const read = (content: string) => loadConfig(file, {}, undefined, content)
  const first = firstVersion(own, 1_000)
  await new CatalogTable(store).putBack(first)
  const { stored = first } = await new CatalogTable(store).last()
  let turn: Promise<unknown> = Promise.resolve()
  const opened: Opened = {
    ...{ store, file, taken: [], audited: [], behind: [], putBack: [] },
    ...{ refusal: undefined, auditFailure: undefined },
    home: new StoreCatalog({
      ...{ file, read, store },
      begun: beginWith(own, stored, file, read),
      inTurn: async (work) => {
        const next = turn.then(work)
        turn = next.catch(() => {})
        return next
      },
      takeOver: async (loaded, _, keep) => {
        if (opened.refusal !== undefined) throw opened.refusal
        await keep()
        opened.taken.push(loaded.text)
      },
      audit: async (record) => {
        await Promise.resolve()
        if (opened.auditFailure !== undefined) throw opened.auditFailure
        opened.audited.push(record)
      },
      observer: { changed() {}, failed() {}, fileSeen() {}, withoutFolder() {} },
      fleet: {
        used() {},
        behind: (version) => void opened.behind.push(version),
        putBack: (version) => void opened.putBack.push(version),
      },
      now: () => 1_000,
    }),
  }
  homes.push(opened.home)
  await opened.home.open()
  await store.looked()
  return opened
}

const setRole = (role: string): readonly CatalogEdit[] => [
  { kind: 'set', path: ['groups', 'readonly', 'role'], value: role },
]
const roleOf = ({ home }: Opened): unknown => home.state.tree['groups']

async function faultOf(work: Promise<unknown>): Promise<ConsoleError['fault']> {
  const error = await work.then(
    () => undefined,
    (one: unknown) => one as ConsoleError,
  )
  if (error === undefined) throw new Error('it was done')
  return error.fault
}

describe('a catalog that replicas share', () => {
  test('begins as what the file of the first replica says, and leaves the files alone', async () => {
    const one = await open('one')
    const other = await open('other', text.replace('app_readonly', 'app_other'))
    expect(other.home.state).toMatchObject({ version: 1, author: 'portcullis', by: 'start' })
    expect(roleOf(other)).toEqual({ readonly: { role: 'app_readonly' } })
    await one.home.change(alice, 'ALTER GROUP', () => setRole('app_reader'))
    expect(await readFile(one.file, 'utf8')).toBe(text)
  })

  test('is changed on one replica, and taken over by the others with its comments', async () => {
    const [one, other] = [await open('one'), await open('other')]
    const change = await one.home.change(alice, 'ALTER GROUP', () => setRole('app_reader'))
    expect(change).toMatchObject({ version: 2, author: 'alice', what: 'ALTER GROUP' })
    await database.settled()
    expect(other.home.state).toMatchObject({ version: 2, author: 'alice', what: 'ALTER GROUP' })
    expect(roleOf(other)).toEqual({ readonly: { role: 'app_reader' } })
    expect(other.home.catalogText).toContain('people: # of the company')
    expect(other.audited).toEqual([])
    expect(one.audited).toMatchObject([{ outcome: 'done', version: { version: 2 } }])
  })

  test('is changed by several at once one after the other, and nothing is lost', async () => {
    const all = [await open('a'), await open('b'), await open('c')]
    await Promise.all(
      all.flatMap(({ home }, replica) =>
        [0, 1, 2].map(async (each) =>
          home.change(alice, 'CREATE GROUP', () => [
            { kind: 'set', path: ['groups', `g${replica}${each}`], value: { role: 'app_reader' } },
          ]),
        ),
      ),
    )
    await database.settled()
    for (const one of all) {
      expect(one.home.version).toBe(10)
      expect(Object.keys(roleOf(one) as object)).toHaveLength(10)
    }
    const audited = all.flatMap((one) => one.audited.map(({ version }) => version.version))
    expect(audited.sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  test('is planned on what others have made of it, even before they were heard of', async () => {
    const [one, other] = [await open('one'), await open('other')]
    const seen: unknown[] = []
    await Promise.all([
      one.home.change(alice, 'one', () => setRole('first')),
      other.home.change(alice, 'other', (tree) => {
        seen.push(tree['groups'])
        return setRole('second')
      }),
    ])
    expect(seen.at(-1)).toEqual({ readonly: { role: 'first' } })
    await database.settled()
    expect(roleOf(one)).toEqual({ readonly: { role: 'second' } })
  })

  test('is not changed where workers, the audit or the store say no, and nothing is kept', async () => {
    const one = await open('one')
    one.refusal = new Error('no')
    await faultOf(one.home.change(alice, 'no', () => setRole('x')))
    one.refusal = undefined
    one.auditFailure = new Error('full')
    await faultOf(one.home.change(alice, 'no', () => setRole('x')))
    one.auditFailure = undefined
    one.store.goAway()
    expect(await faultOf(one.home.change(alice, 'no', () => setRole('x')))).toMatchObject({
      sqlstate: '08006',
    })
    await one.store.comeBack()
    expect(one.home.version).toBe(1)
    expect(database.tables.catalog_versions.size).toBe(1)
    expect(one.audited).toEqual([])
  })

  test('has a change that was committed when the store was lost, and not one that was not', async () => {
    const one = await open('one')
    const lose = (how: 'committed' | 'rolled-back') => async () => {
      // The one of the change itself: those before it only look.
      one.store.losesNext = undefined
      const work = one.home.change(alice, how, () => {
        queueMicrotask(() => {
          one.store.losesNext = how
        })
        return setRole(how)
      })
      return work
    }
    expect(await lose('committed')()).toMatchObject({ version: 2 })
    expect(await faultOf(lose('rolled-back')())).toMatchObject({ sqlstate: '08006' })
    expect(roleOf(one)).toEqual({ readonly: { role: 'committed' } })
    expect(one.audited.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'failed'])
  })

  test('is rolled back everywhere, as a new version', async () => {
    const [one, other] = [await open('one'), await open('other')]
    await one.home.change(alice, 'ALTER GROUP', () => setRole('app_reader'))
    await other.home.rollback(alice, 1)
    await database.settled()
    expect(one.home.state).toMatchObject({ version: 3, what: 'ROLLBACK CATALOG TO 1' })
    expect(roleOf(one)).toEqual({ readonly: { role: 'app_readonly' } })
    expect((await one.home.history()).map(({ version }) => version)).toEqual([3, 2, 1])
    expect(await one.home.textOf(2)).toContain('app_reader')
    expect(await faultOf(one.home.rollback(alice, 17))).toMatchObject({ sqlstate: '42704' })
  })

  test('is kept by a replica that cannot take a version over, which tries again', async () => {
    const [one, other] = [await open('one'), await open('other')]
    other.refusal = new Error('no such file')
    await one.home.change(alice, 'ALTER GROUP', () => setRole('app_reader'))
    await database.settled()
    expect(other.home.version).toBe(1)
    expect(other.home.state.problems.join()).toContain('no such file')
    await other.store.heartbeat()
    expect(other.behind).toEqual([2])
    other.refusal = undefined
    await other.store.heartbeat()
    expect(other.behind).toEqual([2, undefined])
    expect(other.home.state).toMatchObject({ version: 2, problems: [] })
  })

  test('never goes back: a store that was put back gets its version again', async () => {
    const [one, other] = [await open('one'), await open('other')]
    await one.home.change(alice, 'ALTER GROUP', () => setRole('app_reader'))
    await database.settled()
    database.tables.catalog_versions.delete(2)
    await other.store.comeBack()
    expect(other.putBack).toEqual([2])
    expect(roleOf(other)).toEqual({ readonly: { role: 'app_reader' } })
    expect(await other.home.change(alice, 'again', () => setRole('third'))).toMatchObject({
      version: 3,
    })
  })

  test('is not what somebody has written who has no secret of the fleet', async () => {
    const one = await open('one')
    const row = database.tables.catalog_versions.get(1)
    database.tables.catalog_versions.set(9, { ...row, version: '9' })
    await one.store.comeBack()
    expect(one.home.version).toBe(1)
    expect(one.behind).toEqual([2])
  })

  test('goes with what the file says of everything else, and its own catalog counts for nothing', async () => {
    const one = await open('one')
    await writeFile(
      one.file,
      text.replace('level: info', 'level: debug').replace('app_readonly', 'app_edited'),
    )
    const { config } = await one.home.reload()
    expect(config.log.level).toBe('debug')
    expect(roleOf(one)).toEqual({ readonly: { role: 'app_readonly' } })
    expect(one.home.version).toBe(1)
  })

  test('is not changed where the file says that nobody may', async () => {
    const one = await open('one')
    await writeFile(one.file, `${text}catalog: read-only\n`)
    await one.home.reload()
    expect(await faultOf(one.home.change(alice, 'no', () => setRole('x')))).toMatchObject({
      sqlstate: '25006',
    })
  })

  test('forgets its oldest versions', async () => {
    const one = await open('one', `${text}catalog: { versions: 2 }\n`)
    for (const role of ['a', 'b', 'c']) {
      await one.home.change(alice, role, () => setRole(role))
    }
    expect((await one.home.history()).map(({ version }) => version)).toEqual([4, 3])
  })
})

describe('a problem', () => {
  const problemsOf = (own: string, catalog: string): readonly string[] => {
    try {
      readJoined(joinTexts(own, catalog, 17), 'f.yaml', (joined) =>
        loadConfig('f.yaml', {}, undefined, joined),
      )
      return []
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      return error.problems.map((one) => formatProblem('f.yaml', one))
    }
  }

  test('of the file is on the line of the file', () => {
    const broken = text.replace('level: info', 'level: loud')
    expect(problemsOf(broken, firstVersion(text, 0).text)).toEqual([
      expect.stringMatching(/^f\.yaml:16:\d+: log\.level: /),
    ])
  })

  test('of the catalog is on a line of its version', () => {
    const catalog = firstVersion(text, 0).text.replace('role: app', 'rolle: app')
    const [problem] = problemsOf(text, catalog)
    expect(problem).toMatch(/^catalog version 17 in the store of the fleet:7:\d+: groups\.readonly/)
  })
})

describe('the text of file and catalog', () => {
  test.each([
    ['a file in one line', '{ node: gw0, groups: { a: { role: x } } }\n', 'groups: {}\n'],
    ['a catalog in one line', 'node: gw0\n', '{ groups: { a: { role: x } } }\n'],
    ['a file with an end', '---\nnode: gw0\n...\n', 'groups: {}\n'],
    ['a file without a catalog', 'node: gw0', 'groups: {}\n'],
    ['an empty catalog', text, ''],
    ['anchors', 'node: &n gw0\ngroups: { a: { role: *n } }\n', 'groups: { b: { role: y } }\n'],
    ['keys with an indent', '  node: gw0\n  groups: {}\n', 'groups: { b: { role: y } }\n'],
  ])('says both, with %s', (_, own, catalog) => {
    const joined = loadText(joinTexts(own, catalog, 3))
    const { groups } = loadText(catalog)
    expect(joined).toMatchObject({ node: 'gw0', ...(groups !== undefined && { groups }) })
    if (groups === undefined) expect(joined).not.toHaveProperty('groups')
  })

  test('has no more of the catalog than is of the catalog', () => {
    expect(loadText(joinTexts('node: gw0\n', 'groups: {}\nnode: other\n', 3))).toEqual({
      node: 'gw0',
      groups: {},
    })
  })

  test('of a file whose catalog shares something with the rest is written out', () => {
    expect(firstVersion('node: &n gw0\ngroups: { a: { role: *n } }\n', 0).text).toBe(
      'groups:\n  a:\n    role: gw0\n',
    )
  })
})

function loadText(content: string): Record<string, unknown> {
  return JSON.parse(JSON.stringify(readWritten(content))) as Record<string, unknown>
}
