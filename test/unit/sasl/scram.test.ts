import { pbkdf2Sync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  checkServerFinal,
  clientFinal,
  clientFirst,
  readServerFirst,
  ScramError,
  scramKeys,
} from '../../../src/sasl/scram.ts'

// RFC 7677, section 3, but for the user name: PostgreSQL takes it from the startup message.
const nonce = 'rOprNGfwEbeRWgbNEkqO'
const serverNonce = `${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`
const salt = 'W22ZaJ0SNY7soEsUEjb6gQ=='
const serverFirst = `r=${serverNonce},s=${salt},i=4096`
const keys = scramKeys(pbkdf2Sync('pencil', Buffer.from(salt, 'base64'), 4096, 32, 'sha256'))
const first = clientFirst(nonce, 'none')

describe('the exchange of RFC 7677', () => {
  // The RFC's client sends its name: `bare` is what the proof is computed over.
  const named = { ...first, bare: `n=user,r=${nonce}` }
  const final = clientFinal(named, readServerFirst(serverFirst, named), keys)

  test('has the proof of the RFC', () => {
    expect(final.message).toBe(
      `c=biws,r=${serverNonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
    )
  })

  test('accepts the server signature of the RFC', () => {
    expect(() => {
      checkServerFinal('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=', final)
    }).not.toThrow()
  })
})

test('the first message names no user and no channel binding', () => {
  expect(first).toEqual({
    nonce,
    channel: 'biws',
    bare: `n=,r=${nonce}`,
    message: `n,,n=,r=${nonce}`,
  })
})

describe('a server-first-message', () => {
  test('is read for its nonce, salt and iteration count', () => {
    expect(readServerFirst(serverFirst, first)).toEqual({
      message: serverFirst,
      nonce: serverNonce,
      salt: Buffer.from(salt, 'base64'),
      iterations: 4096,
    })
  })

  test.each([
    ['a single iteration', 1],
    ['a million iterations', 1_000_000],
  ])('may ask for %s', (_, iterations) => {
    const message = `r=${serverNonce},s=${salt},i=${iterations}`
    expect(readServerFirst(message, first).iterations).toBe(iterations)
  })

  test('may have an optional extension', () => {
    expect(readServerFirst(`${serverFirst},x=y`, first).iterations).toBe(4096)
  })

  test.each([
    ['nothing', ''],
    ['a truncated nonce', `r=${serverNonce}`],
    ['no salt', `r=${serverNonce},i=4096`],
    ['an empty salt', `r=${serverNonce},s=,i=4096`],
    ['a salt that is not base64', `r=${serverNonce},s=?,i=4096`],
    ['no iteration count', `r=${serverNonce},s=${salt}`],
    ['an empty iteration count', `r=${serverNonce},s=${salt},i=`],
    ['an iteration count of 0', `r=${serverNonce},s=${salt},i=0`],
    ['a negative iteration count', `r=${serverNonce},s=${salt},i=-1`],
    ['an iteration count with a sign', `r=${serverNonce},s=${salt},i=+4096`],
    ['an iteration count in hex', `r=${serverNonce},s=${salt},i=0x10`],
    ['an iteration count with a leading zero', `r=${serverNonce},s=${salt},i=04096`],
    ['an iteration count of eleven digits', `r=${serverNonce},s=${salt},i=10000000000`],
    ['a line feed', `${serverFirst}\n`],
    ['a mandatory extension', `m=x,${serverFirst}`],
    ['another order', `s=${salt},r=${serverNonce},i=4096`],
    ['an error', 'e=unknown-user'],
    ['a nonce with a control character', `r=${nonce}\x01,s=${salt},i=4096`],
  ])('with %s is malformed', (_, message) => {
    expect(() => readServerFirst(message, first)).toThrow(
      new ScramError('malformed server-first-message'),
    )
  })

  test.each([
    ['another', 'somebodyElse'],
    ['ours alone', nonce],
    ['ours cut short', nonce.slice(0, -1)],
    ['ours in another case', `${nonce.toLowerCase()}abc`],
    ['one that ends with ours', `x${nonce}`],
  ])('whose nonce is %s is a replay', (_, changed) => {
    expect(() => readServerFirst(`r=${changed},s=${salt},i=4096`, first)).toThrow(
      new ScramError('the server changed the nonce'),
    )
  })

  test.each([1_000_001, 1_000_000_000, 9_999_999_999])(
    'that asks for %d iterations is refused',
    (iterations) => {
      expect(() => readServerFirst(`r=${serverNonce},s=${salt},i=${iterations}`, first)).toThrow(
        new ScramError(`iteration count ${iterations} is over the limit`),
      )
    },
  )

  test.each([
    ['a salt of 1,025 bytes', Buffer.alloc(1_025).toString('base64'), 1_025],
    ['a salt of one base64 digit', 'A', 0],
  ])('with %s is refused', (_, long, bytes) => {
    expect(() => readServerFirst(`r=${serverNonce},s=${long},i=4096`, first)).toThrow(
      new ScramError(`salt of ${bytes} bytes`),
    )
  })
})

describe('a server-final-message', () => {
  const final = clientFinal(first, readServerFirst(serverFirst, first), keys)
  const signature = final.serverSignature.toString('base64')

  test.each([`v=${signature}`, `v=${signature},x=y`])(
    'with the signature %s is accepted',
    (text) => {
      expect(() => {
        checkServerFinal(text, final)
      }).not.toThrow()
    },
  )

  test.each([
    ['of another key', Buffer.alloc(32, 1).toString('base64')],
    ['that is one bit off', flipped(final.serverSignature).toString('base64')],
    ['that is cut short', final.serverSignature.subarray(0, 31).toString('base64')],
    ['with a byte more', Buffer.concat([final.serverSignature, Buffer.of(0)]).toString('base64')],
    ['of one digit', 'A'],
  ])('with a signature %s is refused', (_, wrong) => {
    expect(() => {
      checkServerFinal(`v=${wrong}`, final)
    }).toThrow(new ScramError('the server signature is wrong'))
  })

  test.each(['', 'v=', 'e=invalid-proof', `x=y,v=${signature}`, `v=${signature}\n`, 'v=?'])(
    'that says %j is malformed',
    (text) => {
      expect(() => {
        checkServerFinal(text, final)
      }).toThrow(new ScramError('malformed server-final-message'))
    },
  )
})

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  copy[0]! ^= 1
  return copy
}

describe('the channel', () => {
  test.each([
    ['that cannot be bound', 'none', 'n,,n=,r=abc', 'n,,'],
    ['that could be, where nothing is offered', 'not-offered', 'y,,n=,r=abc', 'y,,'],
    [
      'that is bound',
      { endPoint: Buffer.from('hash') },
      'p=tls-server-end-point,,n=,r=abc',
      'p=tls-server-end-point,,hash',
    ],
  ] as const)('%s is named in the first message and proved in the last', (_, binding, said, c) => {
    const mine = clientFirst('abc', binding)
    expect(mine).toMatchObject({ message: said, bare: 'n=,r=abc' })
    const server = readServerFirst('r=abcd,s=c2FsdA==,i=4096', mine)
    const keys = scramKeys(Buffer.alloc(32))
    expect(clientFinal(mine, server, keys).message).toMatch(
      `c=${Buffer.from(c).toString('base64')},r=abcd,p=`,
    )
    const other = clientFirst('abc', { endPoint: Buffer.from('another') })
    expect(clientFinal(other, server, keys).serverSignature).not.toEqual(
      clientFinal(mine, server, keys).serverSignature,
    )
  })
})
