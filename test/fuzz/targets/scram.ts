import {
  checkServerFinal,
  clientFinal,
  clientFirst,
  readServerFirst,
  ScramError,
  scramKeys,
} from '../../../src/sasl/scram.ts'
import { pureTarget, type Target, Violation } from '../target.ts'

const longestSaltBytes = 1_024
const mostIterations = 1_000_000

/** What a server answers with during SCRAM: its first message, and behind a NUL its last. */
export function scramTarget(): Target {
  const first = clientFirst('abc', 'none')
  const keys = scramKeys(Buffer.alloc(32, 7))
  return pureTarget({
    name: 'scram',
    maxBytes: 400,
    seeds: [
      Buffer.from('r=abcdef,s=c2FsdHNhbHQ=,i=4096\0v=c2lnbmF0dXJl'),
      Buffer.from('r=abcd,s=c2FsdA==,i=1,x=y\0v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='),
      Buffer.from('r=abc,s=c2FsdA==,i=1000001\0e=invalid-proof'),
    ],
    run: (input) => {
      const [text = '', last = ''] = input.toString('utf8').split('\0')
      try {
        const server = readServerFirst(text, first)
        if (!server.nonce.startsWith(first.nonce)) throw new Violation('the nonce is not ours')
        if (server.salt.length > longestSaltBytes) throw new Violation('a salt without limit')
        if (!(server.iterations > 0 && server.iterations <= mostIterations)) {
          throw new Violation(`${server.iterations} iterations`)
        }
        checkServerFinal(last, clientFinal(first, server, keys))
      } catch (error) {
        if (error instanceof ScramError) return error.message.replaceAll(/\d+/g, 'n')
        throw error
      }
      throw new Violation('a signature that nobody can have made is accepted')
    },
  })
}
