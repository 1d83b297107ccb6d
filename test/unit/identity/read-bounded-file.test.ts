import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readBoundedFile } from '../../../src/identity/read-bounded-file.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-file-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

test('a file of the limit is read, and one byte more is not', async () => {
  const path = join(folder, 'file')
  await writeFile(path, 'x'.repeat(100))
  expect(await readBoundedFile(path, 100)).toBe('x'.repeat(100))
  await expect(readBoundedFile(path, 99)).rejects.toThrow('is longer than 99 bytes')
})

test('a file that comes in pieces is read to its end', async () => {
  const pipe = join(folder, 'pipe')
  expect(spawnSync('mkfifo', [pipe]).status).toBe(0)
  // A pipe holds 64 KiB, so that no single read has it all.
  const writer = spawn('sh', ['-c', 'head -c 200000 /dev/zero > "$0"', pipe])
  try {
    expect(await readBoundedFile(pipe, 300_000)).toHaveLength(200_000)
  } finally {
    writer.kill()
  }
})

test.runIf(process.platform === 'linux')('a file is closed, read or not', async () => {
  const path = join(folder, 'file')
  const open = async (): Promise<number> => (await readdir('/proc/self/fd')).length
  const before = await open()
  for (let i = 0; i < 20; i++) {
    await readBoundedFile(path, 100)
    await readBoundedFile(path, 1).catch(() => {})
  }
  expect(await open()).toBeLessThan(before + 20)
})
