// Where the CPU time of Portcullis goes: V8's own profiler, under the same load as the measurements. Where
// all cores are busy its samples fall on system calls more often than they should; `perf record -e
// cpu-clock` on a process with --perf-basic-prof has no such preference.
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { logInFor } from './logins.ts'
import { findInstallation, startSystem, type System } from './systems.ts'
import { selectFor } from './transactions.ts'
import { createWorld, type World } from './world.ts'

const clients = 16
const certificate = 'ecdsa-p256'
const mostFunctions = 40

/** What `--cpu-prof` writes, as far as it is read here. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: {
      readonly functionName: string
      readonly url: string
      readonly lineNumber: number
    }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

export async function profile(
  folder: string,
  seconds: number,
  print: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  await using world = await createWorld(signal)
  const installation = findInstallation(world, () => {})
  const loads = {
    transactions: async (system: System) => selectFor(seconds, world, system, clients),
    logins: async (system: System) => logInFor(seconds, world, system),
  }
  for (const [name, load] of Object.entries(loads)) {
    const own = resolve(folder, name)
    await mkdir(own, { recursive: true })
    const runtime = await writeRuntime(world, own, name)
    const runtimes = { 'portcullis-node': runtime }
    {
      // The profile is written when the process ends, and so when the block does.
      await using system = await startSystem(
        'portcullis-node',
        { ...installation, runtimes },
        certificate,
      )
      const { transactions } = await load(system)
      print(`\n${name}: ${transactions} in the middle of ${seconds} seconds\n`)
    }
    for (const file of await readdir(own)) {
      print(`${join(own, file)}\n`)
      print(summarize(JSON.parse(await readFile(join(own, file), 'utf8')) as CpuProfile))
    }
  }
}

/** A program that runs Node with the profiler on, and becomes it: the process id stays the same. */
async function writeRuntime(world: World, folder: string, name: string): Promise<string> {
  const path = join(world.folder, `node-${name}`)
  await writeFile(
    path,
    `#!/bin/sh\nexec '${process.execPath}' --cpu-prof --cpu-prof-dir='${folder}' "$@"\n`,
  )
  await chmod(path, 0o755)
  return path
}

function summarize({ nodes, samples, timeDeltas }: CpuProfile): string {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const file = url.replace(/^.*\/(src|node_modules)\//, '$1/')
      return [id, `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`] as const
    }),
  )
  const selfUs = new Map<string, number>()
  let busyUs = 0
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? 'unknown'
    if (/^\((idle|root)\)/.test(name)) continue
    const spentUs = timeDeltas[index] ?? 0
    busyUs += spentUs
    selfUs.set(name, (selfUs.get(name) ?? 0) + spentUs)
  }
  const top = [...selfUs].sort(([, one], [, other]) => other - one).slice(0, mostFunctions)
  return top
    .map(([name, us]) => `${((100 * us) / busyUs).toFixed(1).padStart(6)} %  ${name}\n`)
    .join('')
}
