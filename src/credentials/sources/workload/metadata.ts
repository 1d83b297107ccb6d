// Endpoints that a platform has on every machine, without TLS: what is asked there never leaves the machine.
import { type IncomingHttpHeaders, request } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { CredentialProblem } from '../../problem.ts'

export interface MetadataAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** A machine that has one is answered by it at once. */
const timeoutMs = 5_000
const mostBytes = 100_000

const known: ReadonlySet<string> = new Set(['metadata.google.internal', 'localhost'])
const ownMachine = new BlockList()
ownMachine.addSubnet('127.0.0.0', 8, 'ipv4')
ownMachine.addSubnet('169.254.0.0', 16, 'ipv4')
ownMachine.addAddress('::1', 'ipv6')
ownMachine.addSubnet('fe80::', 10, 'ipv6')
/** Those of Google and of Amazon have an address of IPv6, too. */
ownMachine.addAddress('fd20:ce::254', 'ipv6')
ownMachine.addAddress('fd00:ec2::254', 'ipv6')

/** No proxy, no redirect. Throws where it is not an address of this machine's platform. */
export async function askMetadata(
  url: string,
  headers: Readonly<Record<string, string>>,
  from: string,
): Promise<MetadataAnswer> {
  if (!URL.canParse(url) || !isOwn(new URL(url))) {
    throw new CredentialProblem('configuration', `the address of ${from} is none of this machine`, {
      hint: 'The environment names another one. Without TLS only loopback and link-local addresses are asked.',
    })
  }
  const { promise, resolve, reject } = Promise.withResolvers<MetadataAnswer>()
  const signal = AbortSignal.timeout(timeoutMs)
  const outgoing = request(url, { headers, agent: false, signal }, (incoming) => {
    const chunks: Buffer[] = []
    let bytes = 0
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > mostBytes) outgoing.destroy(new Error('too long an answer'))
      else chunks.push(chunk)
    })
    incoming.on('error', reject)
    incoming.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8')
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text })
    })
  })
  outgoing.on('error', reject)
  outgoing.on('close', () => {
    reject(new Error('closed'))
  })
  outgoing.end()
  return promise.catch((error: unknown) => {
    throw new CredentialProblem('unreachable', `${from} does not answer`, {
      hint: 'Look whether this runs on its platform, and whether it has an identity there.',
      cause: error,
    })
  })
}

function isOwn({ protocol, hostname }: URL): boolean {
  if (protocol !== 'http:') return false
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const family = isIP(host)
  if (family === 0) return known.has(host)
  return ownMachine.check(host, family === 4 ? 'ipv4' : 'ipv6')
}
