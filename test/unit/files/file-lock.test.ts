import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { LockTaken, removeUnfinishedLocks, takeLock } from '../../../src/files/file-lock.ts'

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

async function leave(owner: Readonly<Record<string, unknown>>, ageMs: number): Promise<void> {
  await writeFile(path, JSON.stringify({ id: 'x', host: hostname(), start: 'x', ...owner }))
  const then = new Date(Date.now() - ageMs)
  await utimes(path, then, then)
}

test.each([
  ['of this machine', {}],
  ['that says nothing of where its process is', { space: undefined }],
])('a lock %s is over when its process is', async (_, owner) => {
  const own = await takeLock(path, 0)
  const { space } = JSON.parse(await readFile(path, 'utf8')) as { readonly space: string }
  await own.release()
  await leave({ pid: 4_194_304, space, ...owner }, 0)
  const lock = await takeLock(path, 0)
  expect(await lock.isHeld()).toBe(true)
  await lock.release()
})

test.each([
  ['another machine', { host: 'elsewhere', pid: 1 }],
  ['another container of the same name', { space: 'pid:[1]', pid: 4_194_304 }],
])('a lock of %s is over when it gives no sign of life for long', async (_, owner) => {
  await leave(owner, 55_000)
  await expect(takeLock(path, 0)).rejects.toBeInstanceOf(LockTaken)
  await leave(owner, 61_000)
  await (await takeLock(path, 0)).release()
})

test('who has a lock for long gives signs of life, and none afterwards', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    const lock = await takeLock(path, 0)
    const old = new Date(Date.now() - 50_000)
    await utimes(path, old, old)
    vi.advanceTimersByTime(20_000)
    await expect
      .poll(async () => Date.now() - (await stat(path)).mtimeMs, { timeout: 5_000 })
      .toBeLessThan(40_000)
    await lock.release()
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})
