import type { KeyType } from '../demo/certificates.ts'
import { startPgBouncer } from './pgbouncer.ts'
import { startPortcullis } from './portcullis.ts'
import { findProgram } from './run-program.ts'
import { showCertificate, type World } from './world.ts'

export const systemNames = [
  'direct',
  'pgbouncer',
  'pgbouncer-once',
  'portcullis-node',
  'portcullis-bun',
  'portcullis-warm',
] as const
/**
 * `pgbouncer-once` opens a server connection for each client, as Portcullis does; `portcullis-warm`, on Node,
 * has some ready.
 */
export type SystemName = (typeof systemNames)[number]

/** One of the ways from a client to PostgreSQL. */
export interface System extends AsyncDisposable {
  readonly name: SystemName
  /** The proxy's process; `direct` has none. */
  readonly pid: number | undefined
  readonly port: number
  /** What the client logs in with. */
  readonly credential: string
  /** For libpq. */
  readonly environment: NodeJS.ProcessEnv
}

export interface Installation {
  readonly world: World
  readonly runtimes: Readonly<Partial<Record<SystemName, string>>>
}

/** Finds what can be measured on this machine; `onMissing` hears what cannot. */
export function findInstallation(world: World, onMissing: (what: string) => void): Installation {
  const pgbouncer = findProgram('pgbouncer')
  const bun = findProgram('bun')
  if (pgbouncer === undefined) {
    onMissing(
      'PgBouncer is not installed (apt-get install pgbouncer): there is nothing to compare with',
    )
  }
  if (bun === undefined) onMissing('Bun is not on PATH: Portcullis is measured on Node alone')
  return {
    world,
    runtimes: {
      ...(pgbouncer === undefined ? {} : { pgbouncer, 'pgbouncer-once': pgbouncer }),
      'portcullis-node': process.execPath,
      'portcullis-warm': process.execPath,
      ...(bun === undefined ? {} : { 'portcullis-bun': bun }),
    },
  }
}

export async function startSystem(
  name: SystemName,
  { world, runtimes }: Installation,
  keyType: KeyType,
): Promise<System> {
  const tls = world.serverFiles[keyType]
  const program = runtimes[name] ?? ''
  switch (name) {
    case 'direct': {
      const { postgres, password } = world
      await showCertificate(postgres, tls)
      return {
        name,
        pid: undefined,
        port: postgres.port,
        credential: password,
        environment: world.clientEnvironment(postgres.port, password),
        [Symbol.asyncDispose]: async () => Promise.resolve(),
      }
    }
    case 'pgbouncer':
    case 'pgbouncer-once': {
      const { password } = world
      const usesServersOnce = name === 'pgbouncer-once'
      const bouncer = await startPgBouncer({ program, world, tls, usesServersOnce })
      return {
        name,
        pid: bouncer.pid,
        port: bouncer.port,
        credential: password,
        environment: world.clientEnvironment(bouncer.port, password),
        [Symbol.asyncDispose]: async () => bouncer[Symbol.asyncDispose](),
      }
    }
    case 'portcullis-node':
    case 'portcullis-bun':
    case 'portcullis-warm': {
      const token = await world.provider.mintIdToken('alice')
      const gateway = await startPortcullis({
        world,
        tls,
        runtime: program,
        isWarm: name === 'portcullis-warm',
      })
      return {
        name,
        pid: gateway.process.pid,
        port: gateway.port,
        credential: token,
        environment: world.clientEnvironment(gateway.port, token),
        [Symbol.asyncDispose]: async () => gateway[Symbol.asyncDispose](),
      }
    }
  }
}

/** Starts those of the systems that this machine has; they are stopped together. */
export async function startSystems(
  names: readonly SystemName[],
  installation: Installation,
  keyType: KeyType,
): Promise<{ readonly systems: readonly System[] } & AsyncDisposable> {
  await using started = new AsyncDisposableStack()
  const systems: System[] = []
  for (const name of presentSystems(names, installation)) {
    systems.push(started.use(await startSystem(name, installation, keyType)))
  }
  const kept = started.move()
  return { systems, [Symbol.asyncDispose]: async () => kept.disposeAsync() }
}

export function presentSystems(
  names: readonly SystemName[],
  { runtimes }: Installation,
): readonly SystemName[] {
  return names.filter((name) => name === 'direct' || runtimes[name] !== undefined)
}

/** Systems take turns at being first, so that none always finds the caches that another has filled. */
export function inTurn<T>(items: readonly T[], round: number): readonly T[] {
  const first = round % Math.max(items.length, 1)
  return [...items.slice(first), ...items.slice(0, first)]
}
