import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { endianness } from 'node:os'
import { describe, expect, test } from 'vitest'
import { knowsPeers, userIn, userOf } from '../../../src/agent/peer-user.ts'

const client = { address: '127.0.0.1', port: 0xc001 }
const agent = { address: '127.0.0.1', port: 5432 }

const words = (hex: string): string => {
  const bytes = Buffer.from(hex, 'hex')
  return (endianness() === 'LE' ? bytes.swap32() : bytes).toString('hex').toUpperCase()
}
const four = words('7f000001')
const mapped = words('00000000000000000000ffff7f000001')
const six = words('00000000000000000000000000000001')

function row({
  local = `${four}:C001`,
  remote = `${four}:1538`,
  state = '01',
  uid = '1000',
  inode = '4711',
} = {}): string {
  return `   7: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 1 0000000000000000 20 4 30 10 -1`
}

const head =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
const find = (...rows: readonly string[]): number | undefined =>
  userIn([head, ...rows].join('\n'), client, agent)

describe('the user of the other end', () => {
  test('is in the row that has its address first and ours second', () => {
    const ourOwn = row({ local: `${four}:1538`, remote: `${four}:C001`, uid: '0' })
    expect(find(ourOwn, row())).toBe(1000)
  })

  test('is found where the client has written IPv4 as IPv6', () => {
    expect(find(row({ local: `${mapped}:C001`, remote: `${mapped}:1538`, uid: '7' }))).toBe(7)
  })

  test('is found for IPv6', () => {
    const rows = row({ local: `${six}:C001`, remote: `${six}:1538`, uid: '8' })
    const ends = [client, agent].map((end) => ({ ...end, address: '::1' }))
    expect(userIn(rows, ends[0]!, ends[1]!)).toBe(8)
  })

  // The table says root of each of them.
  test.each([
    ['is closing', { state: '04', uid: '0' }],
    ['is gone and waits', { state: '06', uid: '0', inode: '0' }],
    ['nobody has open', { uid: '0', inode: '0' }],
    ['has another port', { local: `${four}:C002` }],
    ['goes to another port', { remote: `${four}:1539` }],
    ['comes from another address', { local: `${words('7f000002')}:C001` }],
    ['has no number', { uid: 'root' }],
  ])('is not read off a socket that %s', (_, changes) => {
    expect(find(row(changes))).toBeUndefined()
  })

  test('is nobody for an address that is not of the loopback interface', () => {
    expect(userIn(row(), { address: '192.0.2.1', port: 1 }, agent)).toBeUndefined()
  })
})

const isLinux = existsSync('/proc/net/tcp')
if (!isLinux) process.stderr.write('SKIPPED: there is no /proc/net/tcp, peers are not known here\n')

test.skipIf(!isLinux)(
  'the kernel says it of a connection that is open, and no more when it is closed',
  async () => {
    expect(await knowsPeers()).toBe(true)
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const [far] = (await once(server, 'connection')) as [Socket]
    const ends = [
      { address: far.remoteAddress!, port: far.remotePort! },
      { address: far.localAddress!, port: far.localPort! },
    ] as const
    expect(await userOf(...ends)).toBe(process.getuid?.())
    near.end()
    far.resume()
    await once(far, 'end')
    expect(await userOf(...ends)).toBeUndefined()
    near.destroy()
    far.destroy()
    server.close()
  },
)
