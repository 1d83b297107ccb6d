#!/usr/bin/env node
// Runs a TypeScript file of this checkout on the project's own Node, after installing what is missing.
// Plain JavaScript without dependencies: it is the one file that whatever Node a machine has must read.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const node = path.join(root, 'node_modules', 'node', 'bin', 'node')
const stamp = path.join(root, 'node_modules', '.portcullis-lock')

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex')
}

function install() {
  const wanted = lockHash()
  if (existsSync(node) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  // npm would empty the folder that it leads to, while another checkout uses it.
  const packages = path.join(root, 'node_modules')
  if (lstatSync(packages, { throwIfNoEntry: false })?.isSymbolicLink()) {
    if (existsSync(node)) return
    process.stderr.write(`portcullis: ${packages} is a link, and leads to no packages: remove it\n`)
    process.exit(1)
  }
  process.stderr.write('portcullis: installing packages (once for each package-lock.json)\n')
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (result.status !== 0) {
    process.stderr.write('portcullis: npm ci failed; is a package registry reachable?\n')
    process.exit(result.status ?? 1)
  }
  mkdirSync(path.dirname(stamp), { recursive: true })
  writeFileSync(stamp, wanted)
}

const major = Number(process.versions.node.split('.')[0])
if (major < 20) {
  process.stderr.write(
    `portcullis: Node 20 or newer is needed to begin with, and this is ${process.version}\n`,
  )
  process.exit(1)
}
install()

const [file, ...args] = process.argv.slice(2)
const child = spawn(node, [path.join(root, file), ...args], {
  stdio: 'inherit',
  env: {
    ...process.env,
    PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}`,
    // Half of what starting a process costs is taking types out and compiling: once is enough.
    NODE_COMPILE_CACHE:
      process.env.NODE_COMPILE_CACHE ?? path.join(root, 'node_modules', '.cache', 'compile'),
  },
})
// A terminal sends Ctrl-C to the child too; without one it has to be passed on.
process.on('SIGINT', () => {
  if (!process.stdin.isTTY && !process.stdout.isTTY) child.kill('SIGINT')
})
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => {
  if (signal !== null) process.kill(process.pid, signal)
  process.exitCode = code ?? 1
})
