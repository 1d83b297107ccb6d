import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { findProgram, stopProcess } from '../../bench/run-program.ts'
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

const program = 'haproxy'

export const haproxy: FrontKind = {
  name: 'HAProxy',
  program,
  whyNot: findProgram(program) === undefined ? 'haproxy (Debian: haproxy)' : undefined,
  endsTlsOfPages: true,
  start: async (options) => startHaproxy(options),
}

export interface HaproxyFront extends Front {
  /** A command of its management guide, and what it answers. */
  ask(command: string): Promise<string>
}

/** `change` is for what a document says may be changed. */
export async function startHaproxy(
  options: FrontOptions,
  change: (text: string) => string = (same) => same,
): Promise<HaproxyFront> {
  const { folder, replicas, sessionsPort, pagesPort, tls } = options
  const [file, bundle, socket] = ['haproxy.cfg', 'haproxy.pem', 'haproxy.sock'].map((name) =>
    join(folder, name),
  ) as [string, string, string]
  const shipped = withoutOthers(await readShipped('haproxy/haproxy.cfg'), replicas.length)
  const servers = replicas.flatMap(({ sessions, health, pages }, index) => {
    const example = exampleAddresses[index] ?? ''
    return [
      [`${example}:6432 check port 8432`, `127.0.0.1:${sessions} check port ${health}`],
      [`${example}:8443 check port 8432`, `127.0.0.1:${pages} check port ${health}`],
    ] as const
  })
  const config = substitute(shipped, [
    ...servers,
    // More than a machine for tests may have open.
    ['maxconn 20000', 'maxconn 2000'],
    ['bind :5432', `bind 127.0.0.1:${sessionsPort}`],
    ['bind :443 ', `bind 127.0.0.1:${pagesPort} `],
    ['/etc/haproxy/portcullis.pem', bundle],
    ['/run/haproxy/admin.sock', socket],
  ])
  await writeFile(bundle, `${tls.certificate}\n${tls.key}`, { mode: 0o600 })
  await writeFile(file, change(config))
  const path = findProgram(program) ?? program
  const { child, log } = await startFront(path, ['-db', '-f', file], [sessionsPort, pagesPort])
  const ask = async (command: string): Promise<string> => {
    const connection = connect(socket)
    connection.end(`${command}\n`)
    return text(connection)
  }
  return {
    ask,
    takeOut: async () => {},
    putBack: async () => {},
    isOut: async (replica) => {
      const state = await ask('show stat portcullis 4 -1')
      const line = state.split('\n').find((one) => one.startsWith(`portcullis,gw${replica + 1},`))
      return line === undefined ? false : /,(DOWN|DRAIN|MAINT)/.test(line)
    },
    log,
    [Symbol.asyncDispose]: async () => stopProcess(child),
  }
}
