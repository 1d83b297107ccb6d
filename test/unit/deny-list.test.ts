import { createHash } from 'node:crypto'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { readDenyList, watchDenyList } from '../../src/deny-list.ts'
import { verified } from './telemetry/facts.ts'

let folder: string
let path: string
let entries: (number | string)[]
let unwatch: () => void

beforeEach(() => {
  vi.useFakeTimers()
  folder = mkdtempSync(join(tmpdir(), 'portcullis-deny-'))
  path = join(folder, 'deny.json')
  entries = []
  unwatch = () => {}
})

afterEach(() => {
  unwatch()
  vi.useRealTimers()
  rmSync(folder, { recursive: true })
})

function write(content: unknown): void {
  writeFileSync(`${path}.new`, JSON.stringify(content))
  renameSync(`${path}.new`, path)
}

function watch(version = readDenyList(path).version): void {
  unwatch = watchDenyList(path, version, {
    loaded: ({ size }) => entries.push(size),
    failed: (error) => entries.push((error as Error).message),
  })
}

const now = new Date(0)

describe('a deny list', () => {
  test('denies whom its file names, by number and reason', () => {
    write([{ subject: 'bob' }, { subject: 'auth0|alice', reason: 'left' }])
    const { denials } = readDenyList(path)
    expect(denials.find(verified, now)).toMatchObject({ why: 'entry 2 of the deny file: left' })
  })

  test('knows a token by its id, or by the hash of it', () => {
    const hash = createHash('sha256').update('one').digest('hex')
    const session = { ...verified, identity: { ...verified.identity!, tokenIdHash: hash } }
    for (const entry of [{ token_id: 'one' }, { token_id_hash: hash }]) {
      write([entry])
      expect(readDenyList(path).denials.find(session, now)?.why).toBe('entry 1 of the deny file')
    }
  })

  test('without a file denies nobody', () => {
    expect(readDenyList(undefined).denials.size).toBe(0)
    unwatch = watchDenyList(undefined, undefined, {
      loaded: () => entries.push(0),
      failed: () => {},
    })
    vi.advanceTimersByTime(5_000)
    expect(entries).toEqual([])
  })

  test('is read again within a second after a change, and only then', () => {
    write([])
    watch()
    vi.advanceTimersByTime(5_000)
    expect(entries).toEqual([])
    write([{ role: 'a' }])
    vi.advanceTimersByTime(1_000)
    expect(entries).toEqual([1])
    vi.advanceTimersByTime(5_000)
    expect(entries).toEqual([1])
  })

  test('notices what was changed between its reading and its watching', () => {
    write([])
    const { version } = readDenyList(path)
    write([{ role: 'a' }])
    watch(version)
    vi.advanceTimersByTime(1_000)
    expect(entries).toEqual([1])
  })

  test('that is broken or gone says so once, and is read when it is well again', () => {
    write([])
    watch()
    write({})
    vi.advanceTimersByTime(3_000)
    expect(entries).toEqual([
      `deny_file ${path} is not used, must be a list of entries; [] denies nobody`,
    ])
    rmSync(path)
    vi.advanceTimersByTime(3_000)
    expect(entries.at(-1)).toMatch(/does not exist/)
    write([{ role: 'a' }])
    vi.advanceTimersByTime(1_000)
    expect(entries).toHaveLength(3)
    expect(entries.at(-1)).toBe(1)
  })

  test('is not read any more when it is no longer watched', () => {
    write([])
    watch()
    unwatch()
    write([{ role: 'a' }])
    vi.advanceTimersByTime(5_000)
    expect(entries).toEqual([])
  })
})
