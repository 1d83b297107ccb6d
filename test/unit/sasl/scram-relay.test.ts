import { describe, expect, test } from 'vitest'
import {
  isServerProof,
  readRelayedFinal,
  type RelayedFirst,
  readRelayedFirst,
} from '../../../src/sasl/scram-relay.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8')
const proof = `${'A'.repeat(43)}=`

describe('the first message of a client', () => {
  test.each<[string, string, RelayedFirst['flag']]>([
    ['of libpq', 'n,,n=,r=rOprNGfwEbeRWgbNEkqO', 'n'],
    ['of libpq over TLS', 'y,,n=,r=rOprNGfwEbeRWgbNEkqO', 'y'],
    ['of node-postgres', 'n,,n=*,r=rOprNGfwEbeRWgbNEkqO', 'n'],
    ['that names its user', 'n,,n=jos\u00e9=2C=3D,r=rOprNGfwEbeRWgbNEkqO', 'n'],
    ['with an extension', 'n,,n=,r=rOprNGfwEbeRWgbNEkqO,x=y', 'n'],
  ])('%s is passed on as it is', (_, message, flag) => {
    expect(readRelayedFirst(bytes(message))).toEqual({
      next: 'relay',
      first: { message, flag, nonce: 'rOprNGfwEbeRWgbNEkqO' },
    })
  })

  test('may be of 1,024 bytes, and no longer', () => {
    const begin = 'n,,n=,r='
    const longest = begin.padEnd(1_024, 'r')
    expect(readRelayedFirst(bytes(longest)).next).toBe('relay')
    expect(readRelayedFirst(bytes(`${longest}r`)).next).toBe('malformed')
  })

  test.each([
    ['nothing', ''],
    ['a password', 'correct horse battery staple'],
    ['a password behind a header', 'n,,correct horse battery staple'],
    ['the message of OAUTHBEARER', 'n,,\x01auth=Bearer x\x01\x01'],
    ['one that is bound', 'p=tls-server-end-point,,n=,r=nonce'],
    ['one of another flag', 'x,,n=,r=nonce'],
    ['one without header', 'n=,r=nonce'],
    ['one without user', 'n,,r=nonce'],
    ['one without nonce', 'n,,n='],
    ['one with an empty nonce', 'n,,n=,r='],
    ['one with a blank in its nonce', 'n,,n=,r=a b'],
    ['one with a mandatory extension', 'n,,m=x,n=,r=nonce'],
    ['one with something behind it that is no extension', 'n,,n=,r=nonce,hunter2'],
    ['one with a NUL', 'n,,n=,r=nonce\0'],
    ['one with a newline', 'n,,n=,r=nonce\n'],
    ['one with a newline in its user', 'n,,n=\n,r=nonce'],
  ])('is malformed as %s', (_, message) => {
    expect(readRelayedFirst(bytes(message))).toEqual({ next: 'malformed' })
  })

  test('is malformed in another encoding than UTF-8', () => {
    const latin1 = Buffer.from('n,,n=jos\u00e9,r=nonce', 'latin1')
    expect(readRelayedFirst(latin1)).toEqual({ next: 'malformed' })
  })

  test('may not speak for somebody else', () => {
    expect(readRelayedFirst(bytes('n,a=chief,n=,r=nonce'))).toEqual({
      next: 'authorization-identity',
    })
  })
})

describe('the last message of a client', () => {
  const server = { nonce: 'nonceMore' }
  const first = (flag: RelayedFirst['flag']): RelayedFirst => ({
    message: '',
    nonce: 'nonce',
    flag,
  })

  test.each<[string, RelayedFirst['flag'], string]>([
    ['of libpq', 'n', `c=biws,r=nonceMore,p=${proof}`],
    ['of libpq over TLS', 'y', `c=eSws,r=nonceMore,p=${proof}`],
    ['with an extension', 'n', `c=biws,r=nonceMore,x=y,p=${proof}`],
  ])('%s is passed on as it is', (_, flag, message) => {
    expect(readRelayedFinal(bytes(message), first(flag), server)).toBe(message)
  })

  test.each([
    ['a password', 'correct horse battery staple'],
    ['one with another header than the first message', `c=eSws,r=nonceMore,p=${proof}`],
    ['one of an exchange that is bound', `c=cD10bHM=,r=nonceMore,p=${proof}`],
    ['one of another nonce', `c=biws,r=nonceLess,p=${proof}`],
    ['one of the client\u2019s own nonce', `c=biws,r=nonce,p=${proof}`],
    ['one of a longer nonce', `c=biws,r=nonceMoreMore,p=${proof}`],
    ['one without proof', 'c=biws,r=nonceMore,'],
    ['one with a proof that is short', `c=biws,r=nonceMore,p=${proof.slice(1)}`],
    ['one with a proof that is long', `c=biws,r=nonceMore,p=A${proof}`],
    ['one with a proof by another letter', `c=biws,r=nonceMore,P=${proof}`],
    ['one with something behind the proof', `c=biws,r=nonceMore,p=${proof},x=y`],
    ['one with something in front of the proof', `c=biws,r=nonceMore,hunter2,p=${proof}`],
    ['one with a NUL', `c=biws,r=nonceMore,p=${proof}\0`],
    ['one that is too long', `c=biws,r=nonceMore,x=${'y'.repeat(1_024)},p=${proof}`],
  ])('is none as %s', (_, message) => {
    expect(readRelayedFinal(bytes(message), first('n'), server)).toBeUndefined()
  })
})

test.each([
  ['a signature', `v=${proof}`, true],
  ['an error', 'e=invalid-proof', false],
  ['nothing', '', false],
  ['a signature by another letter', `V=${proof}`, false],
  ['a signature that is short', `v=${proof.slice(1)}`, false],
  ['a signature with something behind it', `v=${proof},x=y`, false],
  ['a signature behind something', `x=y,v=${proof}`, false],
])('%s as the last message of a server proves it or not', (_, message, proves) => {
  expect(isServerProof(message)).toBe(proves)
})
