// Listening on a Unix socket. Whoever may open the file may talk to us: its permissions are the only
// credential of the peer that Node has a way to check, so they are never wider than asked, not for a moment.
import { randomBytes } from 'node:crypto'
import { lstatSync } from 'node:fs'
import { link, lstat, rename, stat, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname, join } from 'node:path'

/** What a peer is called that has no address. */
export const unixPeer = { address: 'unix', port: 0 } as const

/** The least of what systems have room for, 108 bytes on Linux, without the terminator. */
const maxPathBytes = 103
const probeTimeoutMs = 2_000

const worldWritable = 0o002
const sticky = 0o1000

/** Binds and listens, or throws and says what to do. */
export async function listenOnSocket(
  server: Server,
  { path, mode, backlog }: { path: string; mode: number; backlog: number },
): Promise<void> {
  const bytes = Buffer.byteLength(path)
  if (bytes > maxPathBytes) {
    throw new Error(`${path} has ${bytes} bytes, a Unix socket at most ${maxPathBytes}`)
  }
  await checkDirectory(dirname(path))
  await makeWay(path)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    const before = process.umask(0o777 & ~mode)
    try {
      // Binds at once: nobody is accepted before this function has gone on.
      server.listen({ path, backlog }, () => {
        server.off('error', reject)
        resolve()
      })
    } finally {
      process.umask(before)
    }
    // An ACL of the directory is a default that the umask does not narrow.
    if (server.listening && (lstatSync(path).mode & 0o777 & ~mode) !== 0) {
      server.close()
      reject(
        new Error(`${path} is open to more than its mode: remove the default ACL of its folder`),
      )
    }
  })
}

/** In a directory where anybody may remove what is not his, anybody could put himself in our place. */
async function checkDirectory(directory: string): Promise<void> {
  const { mode } = await stat(directory).catch((cause: unknown) => {
    throw new Error(`the socket folder ${directory} cannot be used: it has to exist`, {
      cause,
    })
  })
  if ((mode & worldWritable) !== 0 && (mode & sticky) === 0) {
    throw new Error(
      `everybody may write to the socket folder ${directory}: take that right away (chmod o-w)`,
    )
  }
}

/**
 * Removes a socket that nobody listens on any more, as a process that was killed leaves one. A live one
 * stays: between the look and the removal somebody may have begun to listen, so what is removed is first
 * moved out of the way and looked at again. Of two that go on from here, the kernel lets one bind.
 */
async function makeWay(path: string): Promise<void> {
  const present = await isSocket(path)
  if (present === undefined) return
  if (!present) throw new Error(`${path} is in the way, and is no socket: remove it`)
  if (await isAnswered(path)) throw taken(path)
  const aside = join(dirname(path), `.old.${randomBytes(4).toString('hex')}`)
  await rename(path, aside)
  if ((await isSocket(aside)) === true && !(await isAnswered(aside))) {
    await unlink(aside)
    return
  }
  // Where there is another by now, that one is as live.
  await link(aside, path).catch(() => {})
  await unlink(aside)
  throw taken(path)
}

function taken(path: string): Error {
  return new Error(`somebody listens on ${path} already: stop that, or choose another place`)
}

async function isSocket(path: string): Promise<boolean | undefined> {
  try {
    return (await lstat(path)).isSocket()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Only a clear no is a no: a queue that is full, or a right that is missing, is not. */
async function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path, timeout: probeTimeoutMs })
    const done = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => {
      done(true)
    })
    socket.once('timeout', () => {
      done(true)
    })
    socket.once('error', (error) => {
      const code = codeOf(error)
      done(code !== 'ECONNREFUSED' && code !== 'ENOENT')
    })
  })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
