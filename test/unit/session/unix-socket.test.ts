import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { listenOnSocket } from '../../../src/session/unix-socket.ts'

let folder: string
let path: string
const servers: Server[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-socket-'))
  path = join(folder, '.s.PGSQL.6432')
})

afterEach(async () => {
  for (const server of servers.splice(0)) {
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  rmSync(folder, { recursive: true })
})

async function listen(mode = 0o600, at = path): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => {}).end('here'))
  servers.push(server)
  await listenOnSocket(server, { path: at, mode, backlog: 8 })
  return server
}

async function talk(): Promise<string> {
  const socket = connect(path)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}

/** Leaves a socket behind as a process does that is killed. */
async function leaveStale(): Promise<void> {
  const program = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  await once(spawn(process.execPath, ['-e', program], { stdio: 'ignore' }), 'exit')
  expect(lstatSync(path).isSocket()).toBe(true)
}

describe('a Unix socket', () => {
  test.each([
    ['the owner', 0o600, 0o000],
    ['the owner, where the umask is wide', 0o600, 0o022],
    ['the group', 0o660, 0o000],
    ['the group, where the umask is narrow', 0o660, 0o077],
  ])('is open to %s and nobody else', async (_, mode, umask) => {
    const before = process.umask(umask)
    try {
      await listen(mode)
      expect(lstatSync(path).mode & 0o777).toBe(mode)
      expect(process.umask(umask)).toBe(umask)
    } finally {
      process.umask(before)
    }
    expect(await talk()).toBe('here')
  })

  test('is gone when nobody listens on it any more', async () => {
    const server = await listen()
    server.close()
    await once(server, 'close')
    expect(readdirSync(folder)).toEqual([])
  })

  test('that a killed process left is replaced', async () => {
    await leaveStale()
    await listen()
    expect(await talk()).toBe('here')
    expect(readdirSync(folder)).toEqual(['.s.PGSQL.6432'])
  })

  test('that somebody listens on is left alone', async () => {
    await listen()
    const { ino } = lstatSync(path)
    await expect(listen()).rejects.toThrow(/^somebody listens on .*\.s\.PGSQL\.6432 already: stop/)
    expect(lstatSync(path).ino).toBe(ino)
    expect(await talk()).toBe('here')
    expect(readdirSync(folder)).toEqual(['.s.PGSQL.6432'])
  })

  test('that is stale goes to one of many that begin at the same time', async () => {
    await leaveStale()
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, async () => listen()))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await talk()).toBe('here')
  })
})

describe('a place for a socket', () => {
  test('that a file has is left to it', async () => {
    writeFileSync(path, 'mine')
    await expect(listen()).rejects.toThrow(/is in the way, and is no socket: remove it$/)
    expect(lstatSync(path).isFile()).toBe(true)
  })

  test('in a folder that there is not is refused', async () => {
    const away = join(folder, 'away', 'socket')
    await expect(listen(0o600, away)).rejects.toThrow(/away cannot be used: it has to exist$/)
  })

  test('where everybody may remove files is refused, but not where everybody may remove his own', async () => {
    const open = join(folder, 'open')
    mkdirSync(open)
    chmodSync(open, 0o777)
    await expect(listen(0o600, join(open, 'socket'))).rejects.toThrow(/^everybody may write to /)
    expect(readdirSync(open)).toEqual([])
    chmodSync(open, 0o1777)
    await listen(0o600, join(open, 'socket'))
  })

  test('with a path that is longer than systems take is refused, and not cut', async () => {
    const fits = join(folder, 'x'.repeat(103 - folder.length - 1))
    await listen(0o600, fits)
    await expect(listen(0o600, `${fits}x`)).rejects.toThrow('has 104 bytes, a Unix socket at most')
  })
})
