// What the suite needs of Debian: the server, and the source package of exactly that server.
import { execFile } from 'node:child_process'
import {
  access,
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  findServerUser,
  type PostgresBinaries,
  temporaryFolder,
} from '../../demo/postgres-binaries.ts'

const run = promisify(execFile)
const major = '15'
const serverPackage = `postgresql-${major}`
const installed = `/usr/lib/postgresql/${major}`
const downloadTimeoutMs = 300_000
const policyFile = '/usr/sbin/policy-rc.d'

/** The suite cannot be run on this machine, and why. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
}

export interface Suite {
  readonly server: PostgresBinaries
  /** Where psql and pgbench of the same version are. */
  readonly programs: string
  readonly driver: string
  /** Inputs and expected outputs. */
  readonly source: string
  /** Where regress.so is, and what else the suite loads into the server. */
  readonly libraries: string
  readonly version: string
}

/** Installs, fetches and builds what is missing; throws Unavailable where that cannot be had. */
export async function findSuite(): Promise<Suite> {
  await installServer()
  const version = await installedVersion()
  const cache = await cached(version)
  return {
    server: { initdb: `${installed}/bin/initdb`, postgres: `${installed}/bin/postgres` },
    programs: `${installed}/bin`,
    driver: `${installed}/lib/pgxs/src/test/regress/pg_regress`,
    source: join(cache, 'source/src/test/regress'),
    libraries: join(cache, 'lib'),
    version,
  }
}

async function installServer(): Promise<void> {
  const needed = [`${installed}/bin/postgres`, `${installed}/lib/pgxs/src/test/regress/pg_regress`]
  const programs = (await Promise.all(needed.map(exists))).every(Boolean)
  if (programs && (await hasCommands(['gcc', 'dpkg-source', 'patch']))) return
  if (process.getuid?.() !== 0) throw new Unavailable(`${serverPackage} is not installed`)
  // Nothing is to be started by the package: the suite starts its own.
  const hadPolicy = await exists(policyFile)
  if (!hadPolicy) await writeFile(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    await attempt('apt-get', ['update', '-qq'])
    await attempt('apt-get', [
      'install',
      '-y',
      '-qq',
      '--no-install-recommends',
      serverPackage,
      'dpkg-dev',
      'gcc',
      'libc6-dev',
    ])
  } finally {
    if (!hadPolicy) await rm(policyFile)
  }
}

async function hasCommands(names: readonly string[]): Promise<boolean> {
  const found = await Promise.all(
    names.map(async (name) => run('which', [name]).then(Boolean, () => false)),
  )
  return found.every(Boolean)
}

async function installedVersion(): Promise<string> {
  const { stdout } = await attempt('dpkg-query', ['-W', '-f', '${Version}', serverPackage])
  return stdout.trim()
}

/** The source unpacked and the libraries built, once for each version of the server. */
async function cached(version: string): Promise<string> {
  const user = await findServerUser()
  const parent = await temporaryFolder(user)
  const owner = process.getuid?.() ?? 0
  const folder = join(parent, `portcullis-regress-${version.replaceAll(/[^\w.]/g, '-')}-${owner}`)
  if (await exists(folder)) return ownFolder(folder)
  const scratch = await mkdtemp(join(parent, 'portcullis-regress-'))
  try {
    await chmod(scratch, 0o755)
    await fetchSource(scratch, version)
    await build(scratch)
    await rename(scratch, folder)
  } catch (error) {
    await rm(scratch, { recursive: true, force: true })
    throw error
  }
  return folder
}

/** The name is easy to guess: what somebody else put there is loaded into our server. */
async function ownFolder(folder: string): Promise<string> {
  const { uid, mode } = await lstat(folder)
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0) {
    throw new Unavailable(`${folder} was not made by this user; remove it and try again`)
  }
  return folder
}

/** From where the machine's own packages come, asked for sources instead. */
async function sourceOptions(scratch: string): Promise<readonly string[]> {
  let lines = await knownSources()
  if (lines.length === 0) {
    await attempt('apt-get', ['update', '-qq'])
    lines = await knownSources()
  }
  if (lines.length === 0) throw new Unavailable('apt knows no packages')
  const list = join(scratch, 'sources.list')
  const lists = join(scratch, 'lists')
  await mkdir(join(lists, 'partial'), { recursive: true })
  await writeFile(list, lines.map((line) => `deb-src ${line}\n`).join(''))
  return [
    ['Dir::Etc::SourceList', list],
    ['Dir::Etc::SourceParts', '/dev/null'],
    ['Dir::State::Lists', lists],
    ['APT::Sandbox::User', 'root'],
  ].flatMap(([name, value]) => ['-o', `${String(name)}=${String(value)}`])
}

async function knownSources(): Promise<readonly string[]> {
  const { stdout } = await attempt('apt-get', [
    'indextargets',
    'Created-By: Packages',
    '--format',
    '$(REPO_URI) $(RELEASE) $(COMPONENT)',
  ])
  return [...new Set(stdout.split('\n'))].filter((line) => line !== '')
}

async function fetchSource(scratch: string, version: string): Promise<void> {
  const options = await sourceOptions(scratch)
  await attempt('apt-get', [...options, '-qq', 'update'], scratch)
  await attempt(
    'apt-get',
    [...options, '-qq', '--download-only', 'source', `${serverPackage}=${version}`],
    scratch,
  )
  await attempt(
    'apt-get',
    ['-qq', 'download', `postgresql-server-dev-${major}=${version}`],
    scratch,
  )
  const files = await readdir(scratch)
  const description = files.find((name) => name.endsWith('.dsc'))
  const headers = files.find((name) => name.endsWith('.deb'))
  if (description === undefined || headers === undefined) {
    throw new Unavailable(`apt has no source of ${serverPackage} ${version}`)
  }
  // apt checked the signatures of the index that names these files.
  await attempt('dpkg-source', ['--no-check', '--extract', description, 'source'], scratch)
  // Unpacked and not installed: it depends on a compiler of its own that is not needed for this.
  await attempt('dpkg', ['--extract', headers, 'headers'], scratch)
  for (const name of files) await rm(join(scratch, name), { recursive: true })
}

/** One C file; what else the suite loads comes with the server. */
async function build(scratch: string): Promise<void> {
  const source = join(scratch, 'source/src/test/regress')
  const headers = join(scratch, `headers/usr/include/postgresql/${major}/server`)
  const libraries = join(scratch, 'lib')
  await mkdir(libraries)
  await attempt('gcc', [
    '-O2',
    '-fPIC',
    '-shared',
    `-I${headers}`,
    `-I${source}`,
    '-o',
    join(libraries, 'regress.so'),
    join(source, 'regress.c'),
  ])
  await attempt('cp', [`${installed}/lib/refint.so`, `${installed}/lib/autoinc.so`, libraries])
}

async function attempt(
  command: string,
  args: readonly string[],
  cwd = '/',
): Promise<{ stdout: string }> {
  try {
    return await run(command, [...args], {
      cwd,
      timeout: downloadTimeoutMs,
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    })
  } catch (cause) {
    const text = cause instanceof Error ? cause.message.trim() : ''
    throw new Unavailable(`${command} ${args[0] ?? ''} failed: ${text.slice(-500)}`, { cause })
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
