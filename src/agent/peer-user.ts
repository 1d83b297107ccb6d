// Which user of this machine is at the other end of a loopback connection. Linux says it of every socket, in
// /proc/net/tcp and /proc/net/tcp6 (proc(5)).
import { readFile } from 'node:fs/promises'
import { endianness } from 'node:os'

/** One end of a connection; the address is an IPv4 or IPv6 address as Node writes it. */
export interface End {
  readonly address: string
  readonly port: number
}

const files = ['/proc/net/tcp', '/proc/net/tcp6']

/** Whether this system can tell. */
export async function knowsPeers(): Promise<boolean> {
  const [text = ''] = await Promise.all(files.map(async (file) => read(file)))
  return text.trimStart().startsWith('sl ')
}

/** The user id of whoever has the other end open; undefined where nobody has, or it cannot be known. */
export async function userOf(peer: End, own: End): Promise<number | undefined> {
  const tables = await Promise.all(files.map(async (file) => read(file)))
  return userIn(tables.join('\n'), peer, own)
}

async function read(file: string): Promise<string> {
  return readFile(file, 'latin1').catch(() => '')
}

const established = '01'

/**
 * Looks a connection up as its other end has it. A socket that nobody has open any more belongs to root in the
 * table, so only one that is established and has an inode speaks for anybody.
 */
export function userIn(table: string, peer: End, own: End): number | undefined {
  const [theirs, ours] = [spellings(peer), spellings(own)]
  for (const line of table.split('\n')) {
    const [, local = '', remote = '', state, , , , uid = '', , inode] = line.trim().split(/\s+/)
    if (state !== established || !theirs.has(local) || !ours.has(remote)) continue
    if (inode === '0' || !/^\d+$/.test(uid)) return undefined
    return Number(uid)
  }
  return undefined
}

/** As IPv4, and as IPv6 programs write an IPv4 address. */
function spellings({ address, port }: End): ReadonlySet<string> {
  const bytes = bytesOf(address)
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const isMapped = bytes.length === 16 && mappedPrefix.equals(bytes.subarray(0, 12))
  const short = isMapped ? bytes.subarray(12) : bytes
  const all = short.length === 4 ? [short, Buffer.concat([mappedPrefix, short])] : [short]
  return new Set(all.map((one) => hexWords(one) + suffix))
}

const mappedPrefix = Buffer.from('00000000000000000000ffff', 'hex')

/** Words of four bytes, each in the order of the machine. */
function hexWords(bytes: Buffer): string {
  const words = Buffer.from(bytes)
  if (endianness() === 'LE') words.swap32()
  return words.toString('hex').toUpperCase()
}

/** Of the addresses of the loopback interface alone: `127.0.0.1`, `::1` and `::ffff:127.0.0.1`. */
function bytesOf(address: string): Buffer {
  const mapped = /^(?:::ffff:)?(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)
  if (mapped !== null) return Buffer.from(mapped.slice(1).map(Number))
  if (address === '::1') return Buffer.concat([Buffer.alloc(15), Buffer.of(1)])
  return Buffer.alloc(0)
}
