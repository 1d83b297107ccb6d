import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CatalogTable, type StoredVersion } from '../../../src/catalog/catalog-table.ts'
import { openState } from '../../../src/session/gate-state.ts'
import { begin } from '../../../src/shared/begin.ts'
import { CopyFile, readCopy, type SharedCopy } from '../../../src/shared/copy.ts'
import { MemoryDatabase } from '../../support/memory-store.ts'

function version(number: number, text = `groups: {} # ${number}\n`): StoredVersion {
  return {
    record: { version: number, at: 0, author: 'alice', by: 'console', what: 'x' },
    text,
  }
}

const copyOf = (catalog: StoredVersion | undefined): SharedCopy => ({
  ...{ catalog, orders: [], gates: openState },
})

describe('a replica begins', () => {
  test('with what its file says where the store has no catalog, and else with what the store has', async () => {
    const store = new MemoryDatabase().store()
    const first = () => version(1, 'groups: {}\n')
    expect(await begin({ store, copy: undefined, first })).toMatchObject({
      ...{ from: 'store', catalog: version(1, 'groups: {}\n'), hasCopy: false },
    })
    const another = () => version(1, 'groups: { a: {} }\n')
    expect(await begin({ store, copy: undefined, first: another })).toMatchObject({
      catalog: version(1, 'groups: {}\n'),
    })
  })

  test('with no older version than it has seen, which the store gets again', async () => {
    const store = new MemoryDatabase().store()
    const table = new CatalogTable(store)
    await table.putBack(version(3))
    const copy = copyOf(version(7))
    const begun = await begin({ store, copy, first: () => version(1) })
    expect(begun).toMatchObject({ from: 'store', catalog: version(7) })
    expect((await table.last()).version).toBe(7)
  })

  test('with its copy where the store is away', async () => {
    const store = new MemoryDatabase().store()
    store.goAway()
    const copy = copyOf(version(7))
    expect(await begin({ store, copy, first: () => version(1) })).toEqual({ from: 'copy', copy })
  })

  test.each([
    ['no copy', undefined],
    ['a copy that has no catalog', copyOf(undefined)],
  ])('not at all where the store is away and there is %s', async (_, copy) => {
    const store = new MemoryDatabase().store()
    store.goAway()
    const beginning = begin({ store, copy, first: () => version(1) })
    await expect(beginning).rejects.toMatchObject({ name: 'NothingToBeginWith', exitCode: 69 })
  })

  test('with its own catalog where that is not shared', async () => {
    const store = new MemoryDatabase().store()
    const begun = await begin({ store, copy: copyOf(undefined), first: undefined })
    expect(begun).toEqual({ from: 'store', catalog: undefined, hasCopy: true })
    store.goAway()
    expect(await begin({ store, copy: copyOf(undefined), first: undefined })).toMatchObject({
      from: 'copy',
    })
  })
})

describe('the copy', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portcullis-copy-'))
  })
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  test('is what was known last, for its owner alone', async () => {
    const store = new MemoryDatabase().store()
    const file = join(folder, 'f.yaml.fleet')
    let now = copyOf(version(1))
    const copy = new CopyFile({ file, store, now: () => now, onFailure: () => {} })
    copy.renew()
    await copy.settled()
    now = copyOf(version(2))
    copy.renew()
    now = copyOf(version(3))
    copy.renew()
    await copy.settled()
    expect(await readCopy(file, store)).toEqual(copyOf(version(3)))
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  test('is none where somebody else has written it', async () => {
    const store = new MemoryDatabase().store()
    const file = join(folder, 'f.yaml.fleet')
    expect(await readCopy(file, store)).toBeUndefined()
    await writeFile(file, await store.seal('another purpose', copyOf(version(9))))
    expect(await readCopy(file, store)).toBeUndefined()
    expect(await readFile(file, 'utf8')).not.toBe('')
  })

  test('that cannot be written is told once', async () => {
    const store = new MemoryDatabase().store()
    const told: string[] = []
    const copy = new CopyFile({
      ...{ file: join(folder, 'nowhere', 'f.yaml.fleet'), store },
      now: () => copyOf(version(1)),
      onFailure: (code) => told.push(code),
    })
    copy.renew()
    await copy.settled()
    copy.renew()
    await copy.settled()
    expect(told).toEqual(['ENOENT'])
  })
})
