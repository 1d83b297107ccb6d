// One writer at a time among the processes of this program: a file beside the one that is written.
import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import {
  link,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export interface FileLock {
  /** Whether nobody has taken it away from us. */
  isHeld(): Promise<boolean>
  release(): Promise<void>
}

/** Somebody else has it, and did not give it back in time. */
export class LockTaken extends Error {
  override readonly name = 'LockTaken'
}

interface Owner {
  readonly id: string
  readonly host: string
  readonly pid: number
  /** Which processes the id is one of: containers of one host may share its name. */
  readonly space: string
  /** When the process began, since its id is used again. */
  readonly start: string
}

const retryMs = 20
/** Of another machine nothing else is known: whoever has one says so more often. */
const abandonedMs = 60_000
const signOfLifeMs = 15_000
const mode = 0o600

export async function takeLock(path: string, timeoutMs: number): Promise<FileLock> {
  const owner: Owner = {
    id: randomUUID(),
    host: hostname(),
    pid: process.pid,
    space: processSpace(),
    start: startOf(process.pid),
  }
  const deadline = performance.now() + timeoutMs
  for (;;) {
    if (await create(path, owner)) return lockOf(path, owner)
    const found = await ownerOf(path)
    if (found !== undefined && (await isAbandoned(path, found))) await takeAway(path, found)
    else if (performance.now() >= deadline) throw taken(path, found)
    else await delay(retryMs)
  }
}

function taken(path: string, owner: Owner | 'unreadable' | undefined): LockTaken {
  const who =
    typeof owner === 'object' ? `the process ${owner.pid} on ${owner.host}` : 'another process'
  return new LockTaken(`${who} has locked it: if there is none, remove ${path}`)
}

/** It is there with its owner or not at all: whoever is killed on the way leaves no lock that is nobody's. */
async function create(path: string, owner: Owner): Promise<boolean> {
  const own = besides(path)
  await writeFile(own, JSON.stringify(owner), { mode, flag: 'wx' })
  try {
    await link(own, path)
    return true
  } catch (error) {
    // Without it somebody has taken it for a leftover.
    if (['EEXIST', 'ENOENT'].includes(codeOf(error) ?? '')) return false
    throw error
  } finally {
    await rm(own, { force: true })
  }
}

function besides(path: string): string {
  return `${path}.${randomUUID()}`
}

/** Of processes that were killed while they took the lock, or took it away. Only for whoever has it. */
export async function removeUnfinishedLocks(path: string): Promise<void> {
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(`${basename(path)}.`)) continue
    const one = join(dirname(path), name)
    if (await isOld(one)) await rm(one, { force: true })
  }
}

async function isOld(path: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(path)
    return Date.now() - mtimeMs > abandonedMs
  } catch {
    return false
  }
}

function lockOf(path: string, { id }: Owner): FileLock {
  const signs = setInterval(() => {
    const now = new Date()
    // Without it somebody has taken it away: `isHeld` says so.
    void utimes(path, now, now).catch(() => {})
  }, signOfLifeMs)
  signs.unref()
  const isHeld = async (): Promise<boolean> => {
    const found = await ownerOf(path)
    return typeof found === 'object' && found.id === id
  }
  return {
    isHeld,
    release: async () => {
      clearInterval(signs)
      if (await isHeld()) await rm(path, { force: true })
    },
  }
}

/** Undefined: there is no lock any more. Unreadable: it was written by nobody of ours. */
async function ownerOf(path: string): Promise<Owner | 'unreadable' | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const value = JSON.parse(text) as Partial<Owner> | null
    const { id, host, pid, start, space } = value ?? {}
    if (typeof id !== 'string' || typeof host !== 'string') return 'unreadable'
    if (typeof pid !== 'number' || typeof start !== 'string') return 'unreadable'
    return { id, host, pid, start, space: typeof space === 'string' ? space : processSpace() }
  } catch {
    return 'unreadable'
  }
}

async function isAbandoned(path: string, owner: Owner | 'unreadable'): Promise<boolean> {
  if (owner === 'unreadable' || owner.host !== hostname()) return isOld(path)
  return owner.space === processSpace() ? startOf(owner.pid) !== owner.start : isOld(path)
}

/** Somebody may have done so already, and have a lock of their own by now: that is put back. */
async function takeAway(path: string, owner: Owner | 'unreadable'): Promise<void> {
  const aside = besides(path)
  try {
    await rename(path, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  const found = await ownerOf(aside)
  const isSame =
    typeof found === 'object' && typeof owner === 'object' ? found.id === owner.id : found === owner
  if (!isSame) await link(aside, path).catch(() => {})
  await unlink(aside)
}

function processSpace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return 'all'
  }
}

/** Of a process of this machine; empty: there is none. */
function startOf(pid: number): string {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return ''
  }
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the program, in parentheses, may have blanks in it.
    const ticks = text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? ''
    return `${boot} ${ticks}`
  } catch {
    return 'unknown'
  }
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined
}
