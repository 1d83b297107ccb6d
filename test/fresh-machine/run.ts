// `npm run test:fresh-machine`: docs/clients.md, done word by word on machines that have never seen Portcullis.
import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { word } from '../../demo/tour/shell.ts'
import { root } from '../../tools/run.ts'
import { build } from '../drivers/build.ts'
import { drivers } from '../drivers/drivers.ts'
import { Terminal } from '../support/terminal.ts'
import { blocksOf, readGuide } from './document.ts'
import { type Image, Machine, unpackNode } from './machine.ts'
import { show } from './show.ts'
import { type Certificates, hosts, makeCertificates } from './town.ts'

const execute = promisify(execFile)
const installSeconds = 120
const javaTrust = '/etc/ssl/certs/java/cacerts'

const hindrance = await whyNot()
if (hindrance !== undefined) {
  process.stdout.write(`SKIPPED: fresh machines, ${hindrance}\n`)
} else {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-fresh-'))
  try {
    process.exitCode = await main(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A network and folders of one's own take root, and a system that lets it. */
async function whyNot(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'which need root on Linux'
  for (const [program, of] of [
    ['unshare', 'util-linux'],
    ['setpriv', 'util-linux'],
    ['script', 'bsdutils'],
    ['ip', 'iproute2'],
    ['psql', 'postgresql-client'],
  ] as const) {
    const found = await execute('sh', ['-c', `command -v ${program}`]).catch(() => undefined)
    if (found === undefined) return `which need ${program} (Debian: ${of})`
  }
  const alone = ['--net', '--mount', 'sh', '-c', 'ip link set lo up && mount -t tmpfs tmpfs /opt']
  const tried = await execute('unshare', alone).catch(() => undefined)
  return tried === undefined ? 'since nobody may have a network of their own here' : undefined
}

async function main(folder: string): Promise<number> {
  const certificates = await makeCertificates()
  const image = await makeImage(folder, certificates)
  const isInstalled = await install(folder, image)
  if (!isInstalled) return 1
  await writeFile(join(folder, 'image.json'), JSON.stringify(image))
  await writeFile(join(folder, 'certificates.json'), JSON.stringify(certificates), { mode: 0o600 })
  const inside = fileURLToPath(new URL('inside.ts', import.meta.url))
  const script = [
    'set -eu',
    'ip link set lo up',
    `mount --bind ${word(image.hosts)} /etc/hosts`,
    `exec ${[process.execPath, inside, folder].map(word).join(' ')}`,
  ].join('\n')
  const { spawn } = await import('node:child_process')
  const child = spawn(
    'unshare',
    ['--net', '--mount', '--propagation', 'private', 'sh', '-c', script],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  )
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      resolve(code ?? 1)
    })
  })
}

async function makeImage(folder: string, certificates: Certificates): Promise<Image> {
  const image = {
    hosts: join(folder, 'hosts'),
    authorities: join(folder, 'authorities.pem'),
    node: join(folder, 'node'),
  }
  await writeFile(image.hosts, hosts)
  await writeFile(image.authorities, certificates.authorities)
  await unpackNode(image.node)
  return { ...image, ...(await makeJava(folder, certificates.authority)) }
}

/** What graphical tools are made of, where this machine has Java. */
async function makeJava(
  folder: string,
  authority: string,
): Promise<Pick<Image, 'java' | 'javaAuthorities'>> {
  const driver = drivers.find(({ name }) => name === 'pgjdbc')
  if (driver === undefined) throw new Error('there is no driver pgjdbc')
  const built = await build(driver, new AbortController().signal)
  if (built.state === 'failed') throw new Error(built.why)
  const isTrustThere = await access(javaTrust).then(
    () => true,
    () => false,
  )
  if (built.state === 'skipped' || !isTrustThere) {
    const why = built.state === 'skipped' ? built.why : `there is no ${javaTrust}`
    process.stdout.write(`SKIPPED: the graphical tool of docs/clients.md, ${why}\n`)
    return {}
  }
  const java = join(folder, 'java')
  await mkdir(java)
  const program = fileURLToPath(new URL('Gui.java', import.meta.url))
  const jars = join(built.folder, 'target', 'lib')
  await execute('sh', ['-c', `cp ${word(jars)}/postgresql-*.jar ${word(program)} ${word(java)}`])
  const javaAuthorities = join(folder, 'cacerts')
  const file = join(folder, 'example.crt')
  await writeFile(file, authority)
  await execute('cp', [javaTrust, javaAuthorities])
  const where = ['-keystore', javaAuthorities, '-storepass', 'changeit']
  await execute('keytool', [
    '-importcert',
    '-noprompt',
    '-alias',
    'example',
    '-file',
    file,
    ...where,
  ])
  return { java, javaAuthorities }
}

/** By the command of the document, from what would be published. */
async function install(folder: string, image: Image): Promise<boolean> {
  const block = blocksOf(await readGuide()).find(({ scenario }) => scenario === 'install')
  if (block === undefined) throw new Error('docs/clients.md does not say how to install it')
  const npm = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await execute('npm', args, { cwd: root })
    return stdout.trim()
  }
  const machine = await Machine.create({
    name: 'install',
    folder,
    image,
    isAdministrator: true,
    cache: await npm('config', 'get', 'cache'),
    environment: {
      NPM_CONFIG_CACHE: '/opt/cache',
      NPM_CONFIG_PREFER_OFFLINE: 'true',
      NPM_CONFIG_UPDATE_NOTIFIER: 'false',
      NPM_CONFIG_REGISTRY: await npm('config', 'get', 'registry'),
      ...proxies(process.env),
    },
  })
  await npm('pack', '--silent', '--pack-destination', machine.home)
  const terminal = new Terminal(machine.command(block.text), [], installSeconds)
  const code = await terminal.ended
  show(block, terminal.shown, code === 0)
  return code === 0
}

/** By which this machine reaches the registry. */
function proxies(environment: NodeJS.ProcessEnv): Record<string, string> {
  const names = /^(https?_proxy|no_proxy|node_extra_ca_certs|ssl_cert_file)$/i
  const entries = Object.entries(environment).filter(([name]) => names.test(name))
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? '']))
}
