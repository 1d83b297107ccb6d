// The package as it is published, without packing and installing it: compiled, with the checkout's packages.
import { execFile } from 'node:child_process'
import { cp, mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

/** Compiles into the folder. What was compiled there before makes it faster. */
export async function stagePackage(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const options = [
    ...['--project', join(root, 'tsconfig.build.json'), '--outDir', join(folder, 'dist')],
    ...['--incremental', '--tsBuildInfoFile', join(folder, 'compiled.tsbuildinfo')],
  ]
  await run(process.execPath, [compiler, ...options], { cwd: root })
  await cp(join(root, 'package.json'), join(folder, 'package.json'))
  await cp(join(root, 'bin', 'portcullis'), join(folder, 'bin', 'portcullis'))
  await replaceLink(join(root, 'node_modules'), join(folder, 'node_modules'))
}

/** Has programs in another folder import the staged package. */
export async function linkPackage(staged: string, folder: string): Promise<void> {
  await mkdir(join(folder, 'node_modules'), { recursive: true })
  await replaceLink(staged, join(folder, 'node_modules', 'portcullis'))
}

async function replaceLink(target: string, path: string): Promise<void> {
  await rm(path, { force: true })
  await symlink(target, path)
}
