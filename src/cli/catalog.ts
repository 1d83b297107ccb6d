// The catalog as a file: what it would change, changing it, and how it is now.
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import {
  type CatalogApplied,
  type CatalogControl,
  catalogControl,
  type CatalogDiff,
  type Controlled,
} from '../catalog/catalog-control.ts'
import { type ComposeAudit, openCatalogFile } from '../catalog/open-catalog-file.ts'
import { ConfigError, type LoadedConfig } from '../config/index.ts'
import { printable } from '../refusal.ts'
import { askService, NoService } from './control-client.ts'
import { isConfirmed } from './confirm.ts'
import { describeFailure, misused } from './failure.ts'
import { readConfig } from './read-config.ts'

export interface CatalogCommandOptions {
  readonly config: string
  readonly file: string
  readonly expectVersion?: string
  readonly yes?: true
}

/** Prints what would change, and returns the exit code. */
export async function catalogDiff(
  options: CatalogCommandOptions,
  audit: ComposeAudit,
): Promise<number> {
  return run(options.config, audit, async (control) => {
    const diff = await control.diff(readText(options.file))
    if (diff.kind === 'fault') return told(diff.fault)
    process.stdout.write(formatDiff(diff.result))
    return diff.result.changes.length === 0 ? 0 : 1
  })
}

/** Shows what would change, asks, changes it, and returns the exit code. */
export async function catalogApply(
  options: CatalogCommandOptions,
  audit: ComposeAudit,
): Promise<number> {
  const expected = options.expectVersion === undefined ? undefined : Number(options.expectVersion)
  if (expected !== undefined && !(Number.isSafeInteger(expected) && expected > 0)) {
    return misused('--expect-version is the number of a version')
  }
  if (options.yes !== true && (!process.stdin.isTTY || options.file === '-')) {
    return misused('there is no terminal to ask at: look at `portcullis diff`, then use --yes')
  }
  return run(options.config, audit, async (control) => {
    const text = readText(options.file)
    const diff = await control.diff(text)
    if (diff.kind === 'fault') return told(diff.fault)
    process.stdout.write(formatDiff(diff.result))
    if (expected !== undefined && expected !== diff.result.version) {
      return told({ message: `the catalog is version ${diff.result.version}, not ${expected}` })
    }
    if (diff.result.changes.length === 0) return 0
    if (options.yes !== true && !(await isConfirmed('Change the catalog?'))) {
      process.stdout.write('Nothing was changed.\n')
      return 1
    }
    // What was shown is what is done: nobody may have changed it since.
    const expectVersion = diff.result.version
    const applied = await control.apply({ text, expectVersion, author: authorName() })
    if (applied.kind === 'fault') return told(applied.fault)
    process.stdout.write(formatApplied(applied.result))
    return 0
  })
}

/** Prints the catalog, and returns the exit code. */
export async function catalogExport(
  { config }: { readonly config: string },
  audit: ComposeAudit,
): Promise<number> {
  return run(config, audit, async (control) => {
    const exported = await control.export()
    if (exported.kind === 'fault') return told(exported.fault)
    process.stdout.write(exported.result.text)
    return 0
  })
}

async function run(
  file: string,
  audit: ComposeAudit,
  act: (control: CatalogControl) => Promise<number>,
): Promise<number> {
  try {
    return await withControl(file, readConfig(file), audit, act)
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return error instanceof ConfigError ? 78 : 2
  }
}

async function withControl(
  file: string,
  loaded: LoadedConfig,
  audit: ComposeAudit,
  act: (control: CatalogControl) => Promise<number>,
): Promise<number> {
  const { control_socket: socket } = loaded.config
  if (socket !== undefined) {
    try {
      return await act(remoteControl(socket))
    } catch (error) {
      if (!(error instanceof NoService)) throw error
    }
  }
  if (loaded.config.fleet !== undefined && loaded.config.catalog.mode === 'read-write') {
    throw new NoReplica(file)
  }
  const read = (text: string): LoadedConfig => readConfig(file, text)
  const home = await openCatalogFile(file, loaded, read, audit)
  try {
    return await act(catalogControl(home))
  } finally {
    home.close()
  }
}

/** What the file says is not what is in use, and nobody would see a change of it. */
class NoReplica extends Error {
  constructor(file: string) {
    super(
      `the catalog of ${file} is in the store of its fleet, and no replica listens on control_socket here: ` +
        'ask where one runs. What the file says of the catalog is used for a store that has none; edit it for that',
    )
  }
}

function remoteControl(socket: string): CatalogControl {
  const ask = async <T>(action: string, body: unknown): Promise<Controlled<T>> =>
    // Both sides are of the same program.
    (await askService(socket, `/catalog/${action}`, body)) as unknown as Controlled<T>
  return {
    diff: async (text) => ask('diff', { text }),
    apply: async (request) => ask('apply', request),
    export: async () => ask('export', {}),
  }
}

export function formatDiff({ version, changes }: CatalogDiff): string {
  const lines = changes.map(({ path, before, after }) => {
    const place = printable(path, 200)
    if (before === undefined) return `+ ${place}: ${shown(after)}`
    if (after === undefined) return `- ${place}: ${shown(before)}`
    return `~ ${place}: ${shown(before)} -> ${shown(after)}`
  })
  const count = changes.length === 1 ? '1 change' : `${changes.length} changes`
  return `${lines.map((line) => `${line}\n`).join('')}${count} to version ${version}\n`
}

const longestValue = 300

function shown(value: unknown): string {
  return printable(JSON.stringify(value), longestValue)
}

function formatApplied({ version, isChanged, notices }: CatalogApplied): string {
  const lines = notices.map((notice) => `warning: ${printable(notice, 1_000)}\n`).join('')
  return `${lines}${isChanged ? `version ${version} is in use` : `nothing has changed`}\n`
}

function told({ message, detail }: { message: string; detail?: string | undefined }): number {
  process.stderr.write(`portcullis: ${printable(message, 1_000)}\n`)
  for (const line of detail?.split('\n') ?? []) {
    process.stderr.write(`portcullis: ${printable(line, 1_000)}\n`)
  }
  return 2
}

const standardInput = 0

function readText(file: string): string {
  return readFileSync(file === '-' ? standardInput : file, 'utf8')
}

function authorName(): string {
  try {
    return userInfo().username
  } catch {
    return 'apply'
  }
}
