import { describe, expect, test } from 'vitest'
import { clientFinal, clientFirst, scramKeys } from '../../../src/sasl/scram.ts'
import { readRelayedFinal, readRelayedFirst } from '../../../src/sasl/scram-relay.ts'
import {
  deriveVerifier,
  parseVerifier,
  type ScramVerifier,
  serverFinal,
  serverFirst,
  verifierOfNobody,
} from '../../../src/sasl/scram-server.ts'
import { pbkdf2Sync } from 'node:crypto'

// RFC 7677, 3: user `user` with password `pencil`.
const clientNonce = 'rOprNGfwEbeRWgbNEkqO'
const serverNonce = '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
const salt = 'W22ZaJ0SNY7soEsUEjb6gQ=='
const proof = 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ='
const verifier = parseVerifier(
  `SCRAM-SHA-256$4096:${salt}$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=`,
)!

const first = (() => {
  const step = readRelayedFirst(Buffer.from(`n,,n=user,r=${clientNonce}`))
  if (step.next !== 'relay') throw new Error('malformed')
  return step.first
})()

function finalOf(sent: string, its: ScramVerifier = verifier): string | undefined {
  return serverFinal(first, serverFirst(first, its, serverNonce), sent, its)
}

const rightFinal = `c=biws,r=${clientNonce}${serverNonce},p=${proof}`

describe('the example of RFC 7677', () => {
  test('is challenged with salt and iterations', () => {
    expect(serverFirst(first, verifier, serverNonce)).toEqual({
      message: `r=${clientNonce}${serverNonce},s=${salt},i=4096`,
      nonce: clientNonce + serverNonce,
      salt: Buffer.from(salt, 'base64'),
      iterations: 4_096,
    })
  })

  test('is believed, and the server proves itself', () => {
    expect(finalOf(rightFinal)).toBe('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
  })

  test.each([
    ['another proof', rightFinal.replace('p=dH', 'p=eH')],
    ['another nonce in what is proved', rightFinal.replace('k0,', 'k1,')],
    ['another channel in what is proved', rightFinal.replace('biws', 'eSws')],
    ['a proof that is too short', rightFinal.replace(proof, 'dHzb')],
    ['no proof', `c=biws,r=${clientNonce}${serverNonce}`],
  ])('is not believed with %s', (_, sent) => {
    expect(finalOf(sent)).toBeUndefined()
  })
})

test('a password that is kept as it is can be proved by a client', async () => {
  const key = Buffer.alloc(32, 1)
  const its = await deriveVerifier('pencil', 'root', key)
  const hello = clientFirst('abc', 'none')
  const step = readRelayedFirst(Buffer.from(hello.message))
  if (step.next !== 'relay') throw new Error('malformed')
  const challenge = serverFirst(step.first, its, 'xyz')
  const prove = (password: string): string => {
    const keys = scramKeys(pbkdf2Sync(password, its.salt, its.iterations, 32, 'sha256'))
    const { message } = clientFinal(hello, challenge, keys)
    return readRelayedFinal(Buffer.from(message), step.first, challenge)!
  }
  expect(serverFinal(step.first, challenge, prove('pencil'), its)).toMatch(/^v=/)
  expect(serverFinal(step.first, challenge, prove('pen'), its)).toBeUndefined()
})

describe('a challenge', () => {
  const key = Buffer.alloc(32, 1)

  test('of nobody is the same each time, and another for each name and key', async () => {
    const nobody = verifierOfNobody('eve', key)
    expect(verifierOfNobody('eve', key)).toEqual(nobody)
    expect(verifierOfNobody('bob', key).salt).not.toEqual(nobody.salt)
    expect(verifierOfNobody('eve', Buffer.alloc(32, 2)).salt).not.toEqual(nobody.salt)
    expect(nobody.salt).toHaveLength(16)
    expect(nobody.iterations).toBe(4_096)
    expect(nobody.storedKey).not.toEqual(nobody.serverKey)
    // It does not change when the name is given to somebody.
    expect((await deriveVerifier('x', 'eve', key)).salt).toEqual(nobody.salt)
  })
})

test.each([
  ['a password', 'pencil'],
  ['a verifier without its end', 'SCRAM-SHA-256$4096:c2FsdA==$abc'],
  ['a verifier of no iterations', verifierText('0')],
  ['an MD5 hash', 'md5d6a35858d61d85e4a82ab1fb044aba9d'],
])('%s is no verifier', (_, text) => {
  expect(parseVerifier(text)).toBeUndefined()
})

test('a verifier is read as pg_authid has it', () => {
  expect(parseVerifier(verifierText('10000'))).toMatchObject({
    iterations: 10_000,
    salt: Buffer.from('salt'),
  })
})

function verifierText(iterations: string): string {
  const key = Buffer.alloc(32, 7).toString('base64')
  return `SCRAM-SHA-256$${iterations}:c2FsdA==$${key}:${key}`
}
