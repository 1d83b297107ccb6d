import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

export interface Outcome {
  readonly code: number
  readonly output: string
  readonly seconds: number
}

/** Runs a command of the checkout, with the packages' programs first in the path. */
export async function run(
  command: string,
  args: readonly string[],
  stdio: 'inherit' | 'pipe' = 'pipe',
): Promise<Outcome> {
  const startedAt = performance.now()
  const path = [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter)
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, PATH: path },
    stdio: ['ignore', stdio, stdio],
  })
  let output = ''
  const collect = (chunk: Buffer): void => {
    output += chunk.toString()
  }
  child.stdout?.on('data', collect)
  child.stderr?.on('data', collect)
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => {
      resolve(status ?? 1)
    })
  })
  return { code, output, seconds: (performance.now() - startedAt) / 1_000 }
}
