import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { removeUnfinishedLocks, takeLock } from '../../../src/files/file-lock.ts'

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-lock-'))
  path = join(folder, 'portcullis.yaml.lock')
})

afterEach(async () => rm(folder, { recursive: true }))

test('is never there without its owner, so that whoever is killed leaves no lock of nobody', async () => {
  const seen: string[] = []
  let isOver = false as boolean
  const reader = (async () => {
    while (!isOver) seen.push(await readFile(path, 'utf8').catch(() => 'none'))
  })()
  for (let count = 0; count < 300; count++) {
    const lock = await takeLock(path, 1_000)
    await lock.release()
  }
  isOver = true
  await reader
  const owners = seen.filter((text) => text !== 'none')
  expect(owners.length).toBeGreaterThan(0)
  for (const text of owners) expect(JSON.parse(text)).toMatchObject({ pid: process.pid })
  expect(await readdir(folder)).toEqual([])
})

test('what was left of one that was never finished is taken away when it is old', async () => {
  const [old, fresh] = [`${path}.old`, `${path}.fresh`]
  for (const file of [old, fresh, join(folder, 'portcullis.yaml')]) await writeFile(file, '')
  const minutesAgo = new Date(Date.now() - 61_000)
  for (const file of [old, join(folder, 'portcullis.yaml')])
    await utimes(file, minutesAgo, minutesAgo)
  await removeUnfinishedLocks(path)
  expect((await readdir(folder)).sort()).toEqual(['portcullis.yaml', 'portcullis.yaml.lock.fresh'])
})
