import { looksLikeToken, readUnverified } from '../../../src/identity/token-shape.ts'
import { Refusal } from '../../../src/refusal.ts'
import { headerBytes } from '../../../src/wire/frame.ts'
import { readPasswordMessage } from '../../../src/wire/password.ts'
import { message } from '../../unit/wire/bytes.ts'
import { pureTarget, readStream, type Target, Violation } from '../target.ts'

const maxPasswordBytes = 300
const reasons = new Set(['malformed-password', 'password-too-long'])

/** The message, and what its text says of itself where it is a token. */
export function passwordTarget(): Target {
  const header = Buffer.from('{"alg":"ES256","typ":"JWT","kid":"1"}').toString('base64url')
  const claims = Buffer.from('{"iss":"https://a.example","azp":"x","aud":["y"]}').toString(
    'base64url',
  )
  return pureTarget({
    name: 'password',
    maxBytes: 512,
    seeds: [
      message('p', 'secret\0'),
      message('p', '\0'),
      message('p', `${header}.${claims}.c2lnbmF0dXJl\0`),
      message('p', `${header}..a.b.c\0`),
      message('Q', 'select 1\0'),
    ],
    run: (input) =>
      readStream(input, {
        read: (bytes) => {
          const taken = readPasswordMessage(bytes, maxPasswordBytes)
          // A reader in C would stop at the first: two readers of one password.
          if (taken !== undefined && bytes.indexOf(0, headerBytes) !== taken.length - 1) {
            throw new Violation('a password with a NUL in it')
          }
          return taken
        },
        describe: (password) => {
          const shape = readUnverified(password)
          return `${JSON.stringify(password)} ${String(looksLikeToken(password))} ${JSON.stringify(shape)}`
        },
        expected: (error) =>
          error instanceof Refusal && reasons.has(error.reason)
            ? `${error.reason}: ${(error.logDetail ?? '').replaceAll(/type .*|\d+/g, '')}`
            : undefined,
        maxUnread: maxPasswordBytes + 6,
      }),
  })
}
