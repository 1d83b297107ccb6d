import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { cstrings, int32, message } from '../unit/wire/bytes.ts'
import type { Script } from './upstream.ts'
import { authentication, welcome } from './upstream.ts'

export interface ScramServerOptions {
  readonly password: string
  readonly iterations?: number
  readonly mechanisms?: readonly string[]
  /** Proof of the channel is taken for this alone; without it there is none. */
  readonly endPoint?: () => Buffer
  /** What the server says instead of what it should. */
  readonly change?: {
    readonly nonce?: (nonce: string) => string
    readonly first?: (message: string) => string
    readonly signature?: (signature: Buffer) => Buffer
    readonly final?: (message: string) => string
  }
  /** The outcome of an exchange in which the client's proof was right. */
  readonly welcome?: Buffer
}

/** A server that asks for SCRAM-SHA-256 and checks the proof by its stored key (RFC 5802, 3). */
export function scramServer(options: ScramServerOptions): Script {
  const { password, iterations = 4096, change = {}, mechanisms = ['SCRAM-SHA-256'] } = options
  const salt = Buffer.from('salt of 16 bytes')
  const salted = pbkdf2Sync(password, salt, Math.min(iterations, 4096), 32, 'sha256')
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest()

  return async (connection) => {
    await connection.takeStartup()
    connection.send(message('R', Buffer.concat([int32(10), cstrings(...mechanisms, '')])))
    const initial = (await connection.takeMessage()).body
    const mechanism = initial.toString('latin1', 0, initial.indexOf(0))
    if (!mechanisms.includes(mechanism)) throw new Error('another mechanism')
    const gs2 = initial.toString('utf8', mechanism.length + 5)
    const [, header = '', bare = '', nonce = ''] =
      /^((?:n|y|p=tls-server-end-point),,)(n=,r=(.+))$/.exec(gs2) ?? []
    const isBound = header.startsWith('p')
    // RFC 5802 6: somebody between has taken the mechanism out of the list.
    if (header === 'y,,' && mechanisms.includes('SCRAM-SHA-256-PLUS')) throw new Error('downgrade')
    if (isBound !== (mechanism === 'SCRAM-SHA-256-PLUS')) throw new Error('another header')
    const data = isBound ? options.endPoint?.() : undefined
    const channel = Buffer.concat([Buffer.from(header), data ?? Buffer.alloc(0)])
    const serverNonce = (change.nonce ?? ((mine) => mine))(`${nonce}server`)
    const plain = `r=${serverNonce},s=${salt.toString('base64')},i=${iterations}`
    const first = (change.first ?? ((mine) => mine))(plain)
    connection.send(authentication.saslContinue(first))

    const response = (await connection.takeMessage()).body.toString('utf8')
    const [, withoutProof = '', c = '', proof = ''] =
      /^(c=([^,]*),r=.+),p=(.+)$/.exec(response) ?? []
    if (c !== channel.toString('base64')) throw new Error('another channel')
    const authMessage = `${bare},${first},${withoutProof}`
    const signature = hmac(storedKey, authMessage)
    const clientKey = Buffer.from(proof, 'base64').map((byte, i) => byte ^ signature[i]!)
    if (!createHash('sha256').update(clientKey).digest().equals(storedKey)) {
      throw new Error('wrong proof')
    }
    const serverSignature = (change.signature ?? ((mine) => mine))(
      hmac(hmac(salted, 'Server Key'), authMessage),
    )
    const final = `v=${serverSignature.toString('base64')}`
    connection.send(authentication.saslFinal((change.final ?? ((mine) => mine))(final)))
    connection.send(options.welcome ?? welcome)
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
