import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram, stopProcess } from '../../bench/run-program.ts'
import { until } from '../support/until.ts'
import {
  exampleAddresses,
  type Front,
  type FrontKind,
  type FrontOptions,
  readShipped,
  startFront,
  substitute,
  withoutOthers,
} from './front.ts'

const program = 'nginx'
const streamModule = '/etc/nginx/modules-enabled/50-mod-stream.conf'

export const nginx: FrontKind = {
  name: 'NGINX',
  program,
  whyNot: whyNot(),
  endsTlsOfPages: true,
  start: startNginx,
}

function whyNot(): string | undefined {
  if (findProgram(program) === undefined) return 'nginx (Debian: nginx-light, libnginx-mod-stream)'
  if (!existsSync(streamModule)) return 'libnginx-mod-stream'
  return process.getuid?.() === 0 ? undefined : 'root, whom its configuration is for'
}

async function startNginx(options: FrontOptions): Promise<Front> {
  const { folder, replicas, sessionsPort, pagesPort, tls } = options
  const file = join(folder, 'nginx.conf')
  const errorLog = join(folder, 'nginx-error.log')
  const shipped = withoutOthers(await readShipped('nginx/nginx.conf'), replicas.length)
  const servers = replicas.flatMap(({ sessions, pages }, index) => {
    const example = exampleAddresses[index] ?? ''
    return [
      [`${example}:6432`, `127.0.0.1:${sessions}`],
      [`${example}:8443`, `127.0.0.1:${pages}`],
    ] as const
  })
  const config = substitute(shipped, [
    ...servers,
    ['listen 5432 ', `listen 127.0.0.1:${sessionsPort} `],
    ['listen 443 ', `listen 127.0.0.1:${pagesPort} `],
    ['/etc/nginx/portcullis.crt', join(folder, 'nginx.crt')],
    ['/etc/nginx/portcullis.key', join(folder, 'nginx.key')],
    ['/run/nginx.pid', join(folder, 'nginx.pid')],
    ['/var/log/nginx/error.log', errorLog],
    ['/var/log/nginx/', `${folder}/nginx-`],
  ])
  await writeFile(join(folder, 'nginx.crt'), tls.certificate)
  await writeFile(join(folder, 'nginx.key'), tls.key, { mode: 0o600 })
  await writeFile(file, config)
  const path = findProgram(program) ?? program
  const args = ['-g', 'daemon off;', '-e', errorLog, '-c', file]
  const { child } = await startFront(path, args, [sessionsPort, pagesPort])
  const countLogged = async (pattern: RegExp): Promise<number> =>
    [...(await readFile(errorLog, 'utf8')).matchAll(pattern)].length
  const out = new Set<number>()
  const reload = async (): Promise<void> => {
    const workers = await countLogged(/start worker process \d/g)
    const changes = [...out].map((replica) => {
      const server = `127.0.0.1:${replicas[replica]?.sessions ?? 0}`
      return [`${server} `, `${server} down `] as const
    })
    await writeFile(file, substitute(config, changes))
    child.kill('SIGHUP')
    await until(
      'the workers of before to take nobody any more',
      async () => (await countLogged(/gracefully shutting down/g)) >= workers,
    )
  }
  return {
    // It asks no replica how it is: whoever stops one takes it out of the file first.
    takeOut: async (replica) => {
      out.add(replica)
      await reload()
    },
    putBack: async (replica) => {
      out.delete(replica)
      await reload()
    },
    isOut: async (replica) => Promise.resolve(out.has(replica)),
    log: () => '',
    [Symbol.asyncDispose]: async () => stopProcess(child),
  }
}
