import { execPath, version as nodeVersion } from 'node:process'
import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg, release, totalmem, freemem, type } from 'node:os'
import { dirname, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Config, ConfigError, formatProblem, readConfigText } from '../config/index.ts'
import type { Finding } from '../identity/finding.ts'
import { createScrub, type Scrub } from '../support-bundle/scrub.ts'
import { maskConfig } from '../support-bundle/masked-config.ts'
import { writeTar } from '../support-bundle/write-tar.ts'
import { healthBase } from './ask-health.ts'
import { askService } from './control-client.ts'
import { controlSocketOf } from './control-socket.ts'
import { describeFailure } from './failure.ts'
import { readConfig } from './read-config.ts'
import { safeJson } from './safe-json.ts'

export interface SupportBundleOptions {
  readonly config: string
  readonly out?: string
  readonly withNames?: true
}

type Inspect = (
  config: Config,
  options: { readonly isOffline: boolean },
) => Promise<readonly Finding[]>

const httpTimeoutMs = 10_000
const maxTextBytes = 16_777_216

/** Writes what somebody who helps needs to know, and returns the exit code. */
export async function supportBundle(
  options: SupportBundleOptions,
  version: string,
  inspect: Inspect,
): Promise<number> {
  const now = new Date()
  const stamp = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
  const out = options.out ?? `portcullis-support-${stamp}.tar.gz`
  try {
    const text = readConfigText(options.config)
    const masked = maskConfig(text)
    const folder = dirname(resolve(options.config))
    const scrub = createScrub(text, masked.secrets, { folder, environment: environment() })
    const gathered = await gather(options, masked.text !== undefined, inspect)
    const absent = gathered.filter(({ failure }) => failure !== undefined)
    const about = {
      version,
      runtime: `${process.release.name} ${nodeVersion}`,
      program: execPath,
      platform: `${process.platform} ${process.arch}`,
      at: now.toISOString(),
      names: options.withNames === true,
      missing: Object.fromEntries(absent.map(({ name, failure }) => [name, failure])),
    }
    const parts = [
      { name: 'about.json', text: safeJson(about) },
      { name: 'configuration.yaml', text: masked.text ?? '# It is no YAML, so it is left out.\n' },
      ...gathered.flatMap(({ name, text: one }) =>
        one === undefined ? [] : [{ name, text: one }],
      ),
    ].map(({ name, text: one }) => ({ name, content: Buffer.from(safely(scrub, one)) }))
    const archive = gzipSync(writeTar(`portcullis-support-${stamp}`, parts, now))
    // It may not be there already: nobody else has made it, or a link in its place.
    await writeFile(out, archive, { mode: 0o600, flag: 'wx' })
    process.stdout.write(`${out}\n`)
    for (const { name, failure } of absent) {
      process.stderr.write(safely(scrub, `portcullis: without ${name}: ${failure ?? ''}\n`))
    }
    return 0
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return error instanceof ConfigError ? 78 : 1
  }
}

function safely(scrub: Scrub, text: string): string {
  // Cut afterwards: half of a secret would not be found.
  return scrub(text).slice(0, maxTextBytes)
}

/** What is in the environment is not shown: it is looked for, to be taken out. */
function environment(): NodeJS.ProcessEnv {
  // eslint-disable-next-line no-restricted-syntax -- nothing of it is a setting of this command
  return process.env
}

interface Gathered {
  readonly name: string
  readonly text?: string
  readonly failure?: string
}

async function gather(
  { config: file, withNames }: SupportBundleOptions,
  isYaml: boolean,
  inspect: Inspect,
): Promise<readonly Gathered[]> {
  const socket = (): string => {
    if (isYaml) return controlSocketOf({ config: file })
    throw new Error('the configuration does not say where it is')
  }
  const http = (path: string) => async (): Promise<string> => {
    const url = new URL(path, healthBase(isYaml ? { config: file } : {}))
    const response = await fetch(url, { signal: AbortSignal.timeout(httpTimeoutMs) })
    return response.text()
  }
  const works: Readonly<Record<string, () => Promise<string>>> = {
    'check.json': async () => {
      // What a parser says of a text that is no YAML quotes it.
      if (!isYaml) throw new Error('the configuration is no YAML: portcullis check shows where')
      return safeJson(await findings(file, inspect))
    },
    'metrics.txt': http('/metrics'),
    'readiness.json': http('/readiness'),
    'liveness.json': http('/liveness'),
    'service.json': async () => safeJson(await askService(socket(), '/support', {})),
    'log-level.json': async () => safeJson(await askService(socket(), '/log/level', {})),
    'sessions.json': async () => {
      const all = await askService(socket(), '/sessions/list', { selector: {}, limit: 10_000 })
      return safeJson(countSessions(all))
    },
    'refusals.json': async () => {
      const all = await askService(socket(), '/refusals/list', {})
      return safeJson(withNames === true ? all : countRefusals(all))
    },
    'system.json': async () => safeJson(await system()),
  }
  return Promise.all(
    Object.entries(works).map(async ([name, work]): Promise<Gathered> => {
      try {
        return { name, text: await work() }
      } catch (error) {
        return { name, failure: reasonOf(error) }
      }
    }),
  )
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed'
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

async function findings(file: string, inspect: Inspect): Promise<object> {
  try {
    const { config, notices } = readConfig(file)
    return {
      notices: notices.map((notice) => formatProblem(file, notice)),
      findings: await inspect(config, { isOffline: true }),
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { problems: error.problems.map((problem) => formatProblem(file, problem)) }
  }
}

type Answer = Readonly<Record<string, unknown>>

function countBy(list: unknown, keys: readonly string[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>()
  for (const one of Array.isArray(list) ? (list as readonly Answer[]) : []) {
    const name = keys.map((key) => textOf(one[key])).join(' ')
    const weight = typeof one['count'] === 'number' ? one['count'] : 1
    counts.set(name, (counts.get(name) ?? 0) + weight)
  }
  return Object.fromEntries(counts)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '-'
}

function countSessions({ sessions, total, unanswered }: Answer): object {
  return { total, unanswered, byPoolAndDatabase: countBy(sessions, ['pool', 'database']) }
}

function countRefusals({ refusals, unanswered }: Answer): object {
  return { unanswered, byReason: countBy(refusals, ['reason', 'sqlstate']) }
}

/** What bounds a process of this machine, in a container too. */
async function system(): Promise<object> {
  const files = {
    limits: '/proc/self/limits',
    memoryMax: '/sys/fs/cgroup/memory.max',
    memoryNow: '/sys/fs/cgroup/memory.current',
    cpuMax: '/sys/fs/cgroup/cpu.max',
    pidsMax: '/sys/fs/cgroup/pids.max',
    pressure: '/proc/pressure/cpu',
    fileMax: '/proc/sys/fs/file-max',
    backlog: '/proc/sys/net/core/somaxconn',
  }
  const read = Object.entries(files).map(async ([name, path]) => [
    name,
    (await readFile(path, 'utf8').catch(() => 'not here')).trim().split('\n'),
  ])
  return {
    ...{ kernel: `${type()} ${release()}`, cpus: availableParallelism(), load: loadavg() },
    ...{ memoryBytes: totalmem(), freeBytes: freemem() },
    ...(Object.fromEntries(await Promise.all(read)) as object),
  }
}
