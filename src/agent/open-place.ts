import { lstat, mkdir } from 'node:fs/promises'
import { isIP, type Server } from 'node:net'
import { dirname } from 'node:path'
import { CredentialProblem } from '../credentials/problem.ts'
import { listenOnSocket } from '../session/unix-socket.ts'
import type { Place } from './places.ts'

/** Where a server listens. */
export type Listening =
  | { readonly kind: 'socket'; readonly path: string | undefined }
  | { readonly kind: 'loopback'; readonly address: string; readonly port: number }

const backlog = 511

/** Listens, with one server for each address. Throws a CredentialProblem that says what to do. */
export async function openPlace(
  place: Place,
  createServer: () => Server,
): Promise<readonly (readonly [Server, Listening])[]> {
  switch (place.kind) {
    case 'socket': {
      const { path, mode } = place
      const server = createServer()
      try {
        await makeFolder(place)
        await listenOnSocket(server, { path, mode, backlog })
      } catch (cause) {
        if (cause instanceof CredentialProblem) throw cause
        throw cannotListen(path, cause)
      }
      return [[server, { kind: 'socket', path }]]
    }
    case 'loopback':
      return openLoopback(place, createServer)
    case 'inherited': {
      const server = createServer()
      await listening(server, { fd: place.descriptor })
      return [[server, whereIs(server)]]
    }
  }
}

/** The folder belongs to the user alone, but for what the mode of the socket opens to others. */
async function makeFolder({
  path,
  mode,
  ownFolder,
}: Extract<Place, { kind: 'socket' }>): Promise<void> {
  const folder = dirname(path)
  const others = (mode & 0o070 ? 0o050 : 0) | (mode & 0o007 ? 0o005 : 0)
  await mkdir(folder, { recursive: true, mode: 0o700 | others })
  if (!ownFolder) return
  const stats = await lstat(folder)
  if (!stats.isDirectory() || stats.uid !== process.getuid?.()) {
    throw new CredentialProblem('configuration', `${folder} is not a folder of yours`, {
      hint: 'Remove it, or name another folder by --socket.',
    })
  }
  if ((stats.mode & 0o022) !== 0) {
    throw new CredentialProblem('configuration', `others may write to ${folder}`, {
      hint: `Take that right away: chmod 700 ${folder}`,
    })
  }
}

async function openLoopback(
  { addresses, port }: Extract<Place, { kind: 'loopback' }>,
  createServer: () => Server,
): Promise<readonly (readonly [Server, Listening])[]> {
  const opened: (readonly [Server, Listening])[] = []
  let chosen = port
  try {
    for (const host of addresses) {
      const server = createServer()
      try {
        await listening(server, { host, port: chosen, backlog })
      } catch (error) {
        // A machine without IPv6 has only one of the two.
        if (opened.length > 0 && isAbsent(error)) continue
        throw cannotListen(`${host} port ${chosen}`, error)
      }
      const where = whereIs(server)
      if (where.kind === 'loopback') chosen = where.port
      opened.push([server, where])
    }
  } catch (error) {
    for (const [server] of opened) server.close()
    throw error
  }
  return opened
}

async function listening(server: Server, options: Parameters<Server['listen']>[0]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Whatever opened it, nobody of another machine may come by it. */
function whereIs(server: Server): Listening {
  const address = server.address()
  // Node does not know the path of one that it has not bound.
  if (address === null) return { kind: 'socket', path: undefined }
  if (typeof address === 'object' && isIP(address.address) !== 0 && isLoopback(address.address)) {
    return { kind: 'loopback', address: address.address, port: address.port }
  }
  server.close()
  throw new CredentialProblem(
    'usage',
    'the socket that was handed over is not of the loopback interface',
    {
      hint: 'ListenStream= of the socket unit has to be a path, or a port of 127.0.0.1 or [::1].',
    },
  )
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

function isAbsent(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT'
}

function cannotListen(where: string, cause: unknown): CredentialProblem {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new CredentialProblem('failed', `cannot listen on ${where}: ${why}`, {
    hint: 'Another place can be named by --socket or --listen.',
    cause,
  })
}
