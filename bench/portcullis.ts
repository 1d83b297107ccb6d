import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { stringify } from 'yaml'
import { Gateway } from '../demo/gateway.ts'
import { type CertificateFiles, database, role, type World } from './world.ts'

export interface PortcullisOptions {
  readonly world: World
  readonly tls: CertificateFiles
  /** The program that runs the source. */
  readonly runtime: string
  /** Whether upstream sessions are kept ready. */
  readonly isWarm?: boolean
}

const node = 'bench'
const quietTimeoutMs = 10_000
const pollMs = 50

/** One process, with neither log nor audit record for a session. */
export async function startPortcullis(options: PortcullisOptions): Promise<Gateway> {
  const { world, tls, runtime, isWarm = false } = options
  const folder = await mkdtemp(join(world.folder, 'portcullis-'))
  // `ready` is logged as information, and tells the port: so the log falls silent after the start.
  const gateway = await Gateway.start({
    folder,
    runtime,
    config: portcullisConfig(world, tls, 'info', isWarm),
  })
  try {
    await writeFile(gateway.configFile, stringify(portcullisConfig(world, tls, 'error', isWarm)))
    gateway.process.kill('SIGHUP')
    await untilReloaded(gateway)
    return gateway
  } catch (error) {
    await gateway.stop()
    throw error
  }
}

async function untilReloaded(gateway: Gateway): Promise<void> {
  const deadline = performance.now() + quietTimeoutMs
  const done = /^portcullis_config_reloads_total\{outcome="ok"\} 1$/m
  while (!done.test(await readMetrics(gateway))) {
    if (performance.now() > deadline) throw new Error(`no reload:\n${gateway.log()}`)
    await delay(pollMs)
  }
}

async function readMetrics(gateway: Gateway): Promise<string> {
  const signal = AbortSignal.timeout(quietTimeoutMs)
  const response = await fetch(`${gateway.httpAddress}/metrics`, { signal })
  return response.text()
}

function portcullisConfig(
  world: World,
  tls: CertificateFiles,
  level: 'info' | 'error',
  isWarm: boolean,
): object {
  const { postgres, provider, caFile, password } = world
  return {
    node,
    workers: 1,
    tls: { certificate: tls.certificate, key: tls.key },
    http: { listen_port: 0 },
    timeouts: { startup: '5m', tls_handshake: '5m', authentication: '5m', drain: '1s' },
    limits: { max_unauthenticated: 5_000, max_unauthenticated_per_address: null },
    log: { level },
    audit: { sink: 'none' },
    integrations: {
      people: {
        issuer: provider.issuer,
        custom_ca: caFile,
        client_id: 'portcullis-cli',
        default_group: 'everybody',
      },
    },
    groups: { everybody: { role } },
    databases: {
      system: { integrations: ['people'] },
      [database]: {
        upstream: {
          host: postgres.host,
          port: postgres.port,
          tls: 'disable',
          ...(isWarm && { warm: { max_per_role: 8 } }),
          auth: { method: 'password', passwords: { [role]: password } },
        },
      },
    },
    connectivity_pools: {
      everywhere: {
        require_sso: true,
        participants: [{ node, listen_address: '127.0.0.1', listen_port: 0 }],
      },
    },
  }
}
