// What a connection costs that nobody has logged in on, at each stage at which a client may stop.
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { settledResidentBytes } from './process-usage.ts'
import type { Plan } from './sample.ts'
import { presentSystems, startSystem, type SystemName } from './systems.ts'
import { database, role } from './world.ts'

export const waitingConnections = 1_000

const systems = ['portcullis-node', 'portcullis-bun'] as const satisfies SystemName[]
const certificate = 'ecdsa-p256'
const atOnce = 16
const deadlineMs = 20_000
const protocolThree = 3 << 16
const sslRequestCode = 80877103
const passwordBytes = 65_000
/** What is measured is what one more of them costs, so code and caches are there before. */
const firstConnections = 16

/** Each stage goes on from the one before it. */
const stages = ['accepted', 'answered', 'secured', 'asked', 'filling'] as const

export async function measureUnauthenticated(plan: Plan): Promise<void> {
  const { installation } = plan
  const ca = await readFile(installation.world.caFile, 'utf8')
  for (let round = 0; round < plan.rounds; round++) {
    for (const name of presentSystems(systems, installation)) {
      for (const stage of stages) {
        await using system = await startSystem(name, installation, certificate)
        if (system.pid === undefined) continue
        const reach = async (count: number): Promise<readonly Socket[]> =>
          reachAll(count, system.port, ca, stages.indexOf(stage))
        const first = await reach(firstConnections)
        const before = await settledResidentBytes(system.pid)
        const rest = await reach(waitingConnections)
        const after = await settledResidentBytes(system.pid)
        for (const socket of [...first, ...rest]) socket.destroy()
        plan.record({
          scenario: 'unauthenticated',
          variant: stage,
          system: name,
          figures: { perConnectionBytes: (after - before) / waitingConnections },
        })
      }
    }
  }
}

async function reachAll(
  count: number,
  port: number,
  ca: string,
  stage: number,
): Promise<readonly Socket[]> {
  const sockets: Socket[] = []
  let left = count
  const some = async (): Promise<void> => {
    while (left-- > 0) sockets.push(await reachStage(port, ca, stage))
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, some))
  return sockets
}

async function reachStage(port: number, ca: string, stage: number): Promise<Socket> {
  const plain = connect({ host: '127.0.0.1', port, noDelay: true })
  plain.on('error', () => {})
  await happens(plain, 'connect')
  if (stage < stages.indexOf('answered')) return plain
  plain.write(untyped(sslRequestCode))
  await happens(plain, 'data')
  if (stage < stages.indexOf('secured')) return plain
  const secured = connectTls({ socket: plain, ca, servername: 'localhost' })
  secured.on('error', () => {})
  await happens(secured, 'secureConnect')
  if (stage < stages.indexOf('asked')) return secured
  const parameters = `user\0${role}\0database\0${database}\0\0`
  secured.write(untyped(protocolThree, Buffer.from(parameters)))
  await happens(secured, 'data')
  if (stage < stages.indexOf('filling')) return secured
  const head = Buffer.from('p....')
  head.writeUInt32BE(passwordBytes + 1, 1)
  secured.write(Buffer.concat([head, Buffer.alloc(passwordBytes - head.length, 'x')]))
  return secured
}

async function happens(socket: Socket, event: string): Promise<void> {
  await once(socket, event, { signal: AbortSignal.timeout(deadlineMs) })
}

/** An untyped packet: length, code, body. */
function untyped(code: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(head.length + body.length, 0)
  head.writeUInt32BE(code, 4)
  return Buffer.concat([head, body])
}
