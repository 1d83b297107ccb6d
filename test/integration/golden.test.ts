// The bytes of dialogues through the gateway beside those of PostgreSQL itself, which asks for a cleartext
// password here: all but keys and process ids must be the same.
import { connect, createServer, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import {
  gssEncRequest,
  message,
  sslRequest,
  startupPacket,
  untyped,
  WireClient,
  type Received,
} from '../support/wire-client.ts'

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    hba: 'hostssl all all 127.0.0.1/32 password',
    configure: (config) => {
      const { auth } = config.databases['sandbox']!['upstream'] as { auth: Record<string, unknown> }
      auth['allow'] = ['cleartext']
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

type Side = 'gateway' | 'PostgreSQL'
type Dialogue = (
  client: WireClient,
  password: string,
  heard: (one: Received) => void,
) => Promise<void>

const user = 'app_readonly'
const known = { user, database: 'sandbox', client_encoding: 'UTF8', application_name: 'golden' }

async function transcript(side: Side, dialogue: Dialogue): Promise<readonly string[]> {
  const port = side === 'gateway' ? stack.gateway.port : stack.postgres.port
  const password = side === 'gateway' ? await stack.token() : stack.passwords[user]!
  const client = await WireClient.connectSecurely(port, stack.authority.certificate)
  const lines: string[] = []
  try {
    await dialogue(client, password, (received) => lines.push(shown(received)))
    return lines
  } finally {
    client.destroy()
  }
}

/** What must differ is left out: secrets, process ids, and where in its own source PostgreSQL failed. */
function shown({ type, body }: Received): string {
  if (type === 'K') return `K with a key of ${body.length - 4} bytes`
  if (type === 'E' || type === 'N') {
    const fields = body.toString('utf8').split('\0')
    return [type, ...fields.filter((field) => !/^[FLR]/.test(field))].join(' ')
  }
  return `${type} ${body.toString('latin1')}`
}

async function readTo(
  client: WireClient,
  type: string,
  heard: (one: Received) => void,
): Promise<void> {
  for (;;) {
    const received = await client.read()
    heard(received)
    if (received.type === type) return
  }
}

function logInWith(parameters: Readonly<Record<string, string>>, version?: number): Dialogue {
  return async (client, password, heard) => {
    client.send(startupPacket(parameters, version))
    await readTo(client, 'R', heard)
    client.password(password)
    await readTo(client, 'Z', heard)
  }
}

function thenSay(...messages: readonly Buffer[]): Dialogue {
  return async (client, password, heard) => {
    await logInWith(known)(client, password, heard)
    client.send(Buffer.concat(messages))
    await readTo(client, 'Z', heard)
  }
}

function query(sql: string): Buffer {
  return message('Q', Buffer.from(`${sql}\0`))
}

/** Protocol 2 has errors without a length. */
const saysProtocolTwo: Dialogue = async (client, _, heard) => {
  client.send(untyped(2 << 16, Buffer.alloc(288)))
  heard({ type: 'everything', body: await client.closed() })
}

function endsWith(...packets: readonly Buffer[]): Dialogue {
  return async (client, _, heard) => {
    client.send(Buffer.concat(packets))
    await readTo(client, 'E', heard)
    expect(await client.closed()).toHaveLength(0)
  }
}

/** Startup message and password in one write, before anything is asked for. */
const allAtOnce: Dialogue = async (client, password, heard) => {
  client.send(
    Buffer.concat([
      startupPacket(known),
      message('p', Buffer.from(`${password}\0`)),
      query('select 1'),
    ]),
  )
  await readTo(client, 'Z', heard)
  await readTo(client, 'Z', heard)
}

/** The second one is no part of a login any more. */
const passwordTwice: Dialogue = async (client, password, heard) => {
  client.send(startupPacket(known))
  await readTo(client, 'R', heard)
  const answer = message('p', Buffer.from(`${password}\0`))
  client.send(Buffer.concat([answer, message('p', Buffer.from('again\0'))]))
  await readTo(client, 'E', heard)
  expect(await client.closed()).toHaveLength(0)
}

const extended = [
  message('P', Buffer.from('\0select $1::int + 1\0\0\0')),
  message('B', Buffer.from('\0\0\0\0\0\x01\0\0\0\x0241\0\0', 'latin1')),
  message('D', Buffer.from('P\0')),
  message('E', Buffer.from('\0\0\0\0\0')),
  message('S', Buffer.alloc(0)),
]

const dialogues: readonly (readonly [string, Dialogue])[] = [
  ['a login', logInWith(known)],
  [
    'a login with settings',
    logInWith({ ...known, options: '-c DateStyle=ISO,\\ DMY', TimeZone: 'UTC' }),
  ],
  ['a login by protocol 3.1', logInWith(known, 0x30001)],
  ['a login by protocol 3.2', logInWith(known, 0x30002)],
  ['a login by protocol 3.3', logInWith(known, 0x30003)],
  [
    'a login by protocol 3.9999 with the option that tests negotiation',
    logInWith({ ...known, '_pq_.test_protocol_negotiation': '' }, 0x3270f),
  ],
  [
    'a login by protocol 3.0 with options that are not known',
    logInWith({ ...known, '_pq_.one': '1', '_pq_.two': '2' }),
  ],
  ['a login that waits for no question', allAtOnce],
  ['a password that comes twice', passwordTwice],
  ['a query', thenSay(query('select 1 as one, null as nothing'))],
  ['an empty query', thenSay(query(''))],
  ['several statements', thenSay(query('select 1; select 2'))],
  ['an error', thenSay(query('select 1/0'))],
  ['a syntax error', thenSay(query('selekt'))],
  ['a notice', thenSay(query(`do $$ begin raise notice 'hello'; end $$`))],
  ['a changed setting', thenSay(query(`set application_name to 'other'`))],
  ['an extended query', thenSay(...extended)],
  ['COPY out', thenSay(query('copy (select generate_series(1, 3)) to stdout'))],
  ['protocol 2.0', saysProtocolTwo],
  ['protocol 4.2', endsWith(untyped((4 << 16) | 2, Buffer.from('user\0x\0\0')))],
  ['no user', endsWith(startupPacket({ database: 'sandbox' }))],
]

/** Passes on what clients send in segments of one byte. */
async function dripFeed(port: number): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer({ noDelay: true }, (client) => {
    const onward = connect({ port, host: '127.0.0.1', noDelay: true })
    onward.pipe(client)
    client.on('error', () => {})
    onward.on('error', () => {})
    client.on('data', (bytes: Buffer) => {
      for (const byte of bytes) onward.write(Buffer.of(byte))
    })
    client.on('close', () => onward.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.close()
      return Promise.resolve()
    },
  }
}

type Opening = (port: number) => Promise<WireClient>

const directly: Opening = async (port) =>
  WireClient.connectDirectly(port, stack.authority.certificate, ['postgresql'])

/** What answers there are to requests for encryption, until an error ends them. */
const openings: readonly (readonly [string, Opening | undefined, readonly Buffer[]])[] = [
  ['SSLRequest within TLS', undefined, [sslRequest]],
  ['GSSENCRequest within TLS', undefined, [gssEncRequest]],
  ['SSLRequest twice within direct TLS', directly, [sslRequest, sslRequest]],
  ['GSSENCRequest twice within direct TLS', directly, [gssEncRequest, gssEncRequest]],
]

describe('requests for encryption are answered as by PostgreSQL', () => {
  test.each(openings)('%s', async (_, open, packets) => {
    const answersOf = async (port: number): Promise<string> => {
      const client = await (open?.(port) ??
        WireClient.connectSecurely(port, stack.authority.certificate))
      for (const [index, packet] of packets.entries()) {
        client.send(packet)
        if (index < packets.length - 1) expect((await client.readBytes(1)).toString()).toBe('N')
      }
      return shown(await client.read())
    }
    const [through, direct] = await Promise.all([
      answersOf(stack.gateway.port),
      answersOf(stack.postgres.port),
    ])
    expect(through).toBe(direct)
  })

  test.each([
    ['without ALPN', undefined],
    ['with another ALPN', ['h2', 'http/1.1']],
  ])('direct TLS %s gets no word', async (_, protocols) => {
    for (const port of [stack.gateway.port, stack.postgres.port]) {
      const ends = async (): Promise<Buffer> => {
        const client = await WireClient.connectDirectly(
          port,
          stack.authority.certificate,
          protocols,
        ).catch(() => undefined)
        client?.send(startupPacket(known))
        return (await client?.closed()) ?? Buffer.alloc(0)
      }
      expect(await ends()).toHaveLength(0)
    }
  })

  test('direct TLS logs in, also when the handshake comes byte by byte', async () => {
    const client = await directly(stack.gateway.port)
    expect((await client.logIn(known, await stack.token())).type).toBe('R')
    client.destroy()

    await using slow = await dripFeed(stack.gateway.port)
    const dripped = await directly(slow.port)
    expect((await dripped.logIn(known, await stack.token())).type).toBe('R')
    dripped.destroy()
  })
})

describe('a dialogue through the gateway has the bytes of PostgreSQL', () => {
  test.each(dialogues)('%s', async (_, dialogue) => {
    const [through, direct] = await Promise.all([
      transcript('gateway', dialogue),
      transcript('PostgreSQL', dialogue),
    ])
    expect(through).toEqual(direct)
  })
})
