import { createHash } from 'node:crypto'
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Driver } from './driver.ts'
import { type Outcome, runProgram } from './program.ts'

export type Build =
  | { readonly state: 'ready'; readonly folder: string; readonly seconds: number }
  | { readonly state: 'failed'; readonly why: string; readonly seconds: number }
  | { readonly state: 'skipped'; readonly why: string }

/** A program in some language, and what makes it runnable. */
export type Buildable = Pick<Driver, 'name' | 'needs' | 'build'>

const sources = fileURLToPath(new URL('.', import.meta.url))
const stampName = '.built'
const probeSeconds = 30
const buildSeconds = 900
const shownCharacters = 4000

/** Outside the checkout: tools that look through it would trip over what builds leave behind. */
export function cacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  return process.env['PORTCULLIS_DRIVERS_CACHE'] ?? join(base, 'portcullis-drivers')
}

export async function build(driver: Driver, signal: AbortSignal): Promise<Build> {
  return buildFrom(driver, await sourceFiles(driver), signal)
}

/** Copies the files into the cache and builds them there, unless it was built from the same ones. */
export async function buildFrom(
  program: Buildable,
  files: readonly SourceFile[],
  signal: AbortSignal,
): Promise<Build> {
  const folder = join(cacheFolder(), program.name)
  await mkdir(folder, { recursive: true })
  for (const { what, probe, debian } of program.needs) {
    const { failure } = await runProgram(probe, { folder, seconds: probeSeconds, signal })
    if (failure !== undefined) {
      const remedy = debian === undefined ? '' : ` (Debian: ${debian})`
      return { state: 'skipped', why: `${what} is not installed${remedy}` }
    }
  }
  const stamp = await digest(program, files)
  const stampFile = join(folder, stampName)
  const isBuilt = (await readFile(stampFile, 'utf8').catch(() => '')) === stamp
  if (isBuilt) return { state: 'ready', folder, seconds: 0 }

  await rm(stampFile, { force: true })
  for (const file of files)
    await cp(file.path, join(folder, file.name), { preserveTimestamps: true })
  const startedAt = performance.now()
  const seconds = (): number => (performance.now() - startedAt) / 1000
  for (const command of program.build) {
    const attempt = async (): Promise<Outcome> =>
      runProgram(command, { folder, seconds: buildSeconds, signal })
    let outcome = await attempt()
    // Once more: registries have bad moments, and a client that does not compile fails again.
    if (outcome.failure !== undefined && !signal.aborted) outcome = await attempt()
    const { failure, stdout, stderr } = outcome
    if (failure === undefined) continue
    const said = `${stdout}${stderr}`.trim().slice(-shownCharacters)
    return { state: 'failed', why: `${command.join(' ')}: ${failure}\n${said}`, seconds: seconds() }
  }
  await writeFile(stampFile, stamp)
  return { state: 'ready', folder, seconds: seconds() }
}

export interface SourceFile {
  /** Where it is in the folder that is built. */
  readonly name: string
  readonly path: string
}

async function sourceFiles({ name, shared }: Driver): Promise<readonly SourceFile[]> {
  const files = await filesIn(join(sources, name))
  if (shared === undefined) return files
  return [...files, { name: shared.as, path: join(sources, 'shared', shared.file) }]
}

export async function filesIn(folder: string): Promise<readonly SourceFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ name: path.slice(folder.length + 1), path }))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
}

async function digest({ build }: Buildable, files: readonly SourceFile[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([build, process.version]))
  for (const { name, path } of files) hash.update(name).update(await readFile(path))
  return hash.digest('hex')
}
