// A machine that has never seen Portcullis: this one, but for its users, its names, whom it trusts, and its programs.
import { execFile } from 'node:child_process'
import { chmod, chown, cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { word } from '../../demo/tour/shell.ts'

const execute = promisify(execFile)

export const user = { name: 'alice', uid: 31_000, home: '/home/alice' } as const

/** What several machines have in common. */
export interface Image {
  /** A file of names (/etc/hosts), one of authorities (PEM) and one for Java. */
  readonly hosts: string
  readonly authorities: string
  readonly javaAuthorities?: string | undefined
  /** Where Node and what was installed with it is; everything is at /opt/node on the machine. */
  readonly node: string
  /** PgJDBC, at /opt/java. */
  readonly java?: string | undefined
}

export interface MachineOptions {
  readonly name: string
  readonly folder: string
  readonly image: Image
  /** As root: to install something. */
  readonly isAdministrator?: boolean
  /** What is to be on the machine, by its path; scripts are what begins with `#!`. */
  readonly files?: Readonly<Record<string, string>>
  readonly environment?: Readonly<Record<string, string>>
  /** What npm has fetched before, at /opt/cache. */
  readonly cache?: string
}

const bundle = '/etc/ssl/certs/ca-certificates.crt'
const javaBundle = '/etc/ssl/certs/java/cacerts'
const homePath = (path: string): string | undefined =>
  path.startsWith('~/') ? path.slice(2) : undefined

export class Machine {
  readonly name: string
  readonly home: string
  readonly #options: MachineOptions
  readonly #mounts: readonly string[]
  readonly #root: string

  private constructor(
    options: MachineOptions,
    root: string,
    home: string,
    mounts: readonly string[],
  ) {
    this.#root = root
    this.name = options.name
    this.home = home
    this.#options = options
    this.#mounts = mounts
  }

  static async create(options: MachineOptions): Promise<Machine> {
    const { image, files = {}, isAdministrator = false } = options
    const folder = join(options.folder, options.name.replaceAll(' ', '-'))
    const home = join(folder, 'home')
    const outside = join(folder, 'files')
    await mkdir(home, { recursive: true })
    const ownRootFolder = join(folder, 'root')
    for (const one of [outside, ownRootFolder]) await mkdir(one)
    const mounts = [
      bind(image.hosts, '/etc/hosts'),
      bind(image.authorities, bundle),
      ...(image.javaAuthorities === undefined ? [] : [bind(image.javaAuthorities, javaBundle)]),
      'mount -t tmpfs tmpfs /opt',
      'mkdir /opt/node /opt/java /opt/cache',
      bind(image.node, '/opt/node'),
      ...(image.java === undefined ? [] : [bind(image.java, '/opt/java')]),
      ...(options.cache === undefined ? [] : [bind(options.cache, '/opt/cache')]),
    ]
    const people = join(folder, 'passwd')
    const entry = `${user.name}:x:${user.uid}:${user.uid}::${user.home}:/bin/sh\n`
    await writeFile(people, `root:x:0:0:root:/root:/bin/sh\n${entry}`)
    mounts.push(bind(people, '/etc/passwd'))
    let count = 0
    for (const [path, text] of Object.entries(files)) {
      const inHome = homePath(path)
      const file = inHome === undefined ? join(outside, String(count++)) : join(home, inHome)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, text)
      await chmod(file, text.startsWith('#!') ? 0o755 : 0o600)
      await chown(file, user.uid, user.uid)
      if (inHome !== undefined) continue
      // Its folder becomes one of the machine alone, with nothing else in it.
      const at = word(dirname(path))
      mounts.push(`mkdir -p ${at}`, `mount -t tmpfs tmpfs ${at}`, `touch ${word(path)}`)
      mounts.push(bind(file, path))
    }
    if (isAdministrator) mounts.push(bind(home, '/root'))
    else {
      await execute('chown', ['-R', `${user.uid}:${user.uid}`, home])
      mounts.push('mount -t tmpfs -o mode=755 tmpfs /home', `mkdir ${user.home}`)
      mounts.push(bind(home, user.home))
    }
    return new Machine(options, ownRootFolder, home, mounts)
  }

  /** The words of a command that runs a script on the machine. */
  command(script: string): readonly [string, ...string[]] {
    const { isAdministrator = false, environment = {} } = this.#options
    const home = isAdministrator ? '/root' : user.home
    const variables = {
      HOME: home,
      USER: isAdministrator ? 'root' : user.name,
      PATH: `${home}/bin:/opt/node/bin:/usr/local/bin:/usr/bin:/bin`,
      LANG: 'C.UTF-8',
      TERM: 'xterm-256color',
      PAGER: 'cat',
      ...environment,
    }
    const assignments = Object.entries(variables).map(([name, value]) => word(`${name}=${value}`))
    const who = isAdministrator
      ? ''
      : `setpriv --reuid ${user.uid} --regid ${user.uid} --clear-groups --no-new-privs `
    const inside = `cd ${home} && exec ${who}env -i ${assignments.join(' ')} sh -euc ${word(script)}`
    const own = word(this.#root)
    const last = `exec chroot ${own} sh -c ${word(inside)}`
    const whole = ['set -eu', ...this.#mounts, ...ownRoot(own), last].join('\n')
    return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', whole]
  }
}

/** All that is at the root of this machine, but for marks of containers: a desktop is none. */
function ownRoot(folder: string): readonly string[] {
  return [
    `mount -t tmpfs -o mode=755 tmpfs ${folder}`,
    'for entry in /*; do',
    `  if [ -L "$entry" ]; then cp -P "$entry" ${folder}/`,
    `  elif [ "$entry" = /tmp ]; then mkdir ${folder}/tmp; mount -t tmpfs -o mode=1777 tmpfs ${folder}/tmp`,
    `  elif [ -d "$entry" ]; then mkdir "${folder}$entry"; mount --rbind "$entry" "${folder}$entry"`,
    '  fi',
    'done',
  ]
}

function bind(from: string, to: string): string {
  return `mount --bind ${word(from)} ${word(to)}`
}

/** Node as somebody has unpacked it: programs in `bin`, and npm. */
export async function unpackNode(folder: string): Promise<void> {
  await mkdir(join(folder, 'bin'), { recursive: true })
  await mkdir(join(folder, 'lib', 'node_modules'), { recursive: true })
  await cp(process.execPath, join(folder, 'bin', 'node'))
  const { stdout } = await execute('sh', ['-c', 'realpath "$(command -v npm)"'])
  const npm = dirname(dirname(stdout.trim()))
  await cp(npm, join(folder, 'lib', 'node_modules', 'npm'), { recursive: true })
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(folder, 'bin', 'npm'))
}
