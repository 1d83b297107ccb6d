import {
  isServerProof,
  maxScramMessageBytes,
  readRelayedFinal,
  readRelayedFirst,
} from '../../../src/sasl/scram-relay.ts'
import { pureTarget, type Target, Violation } from '../target.ts'

const proof = `${'A'.repeat(43)}=`
const printable = /^[^\p{Cc}]+$/u

/** What a client says in SCRAM, its first message and behind a NUL its last, and behind another the server's. */
export function scramRelayTarget(): Target {
  return pureTarget({
    name: 'scram-relay',
    maxBytes: 1_300,
    seeds: [
      Buffer.from(`n,,n=,r=abc\0c=biws,r=abcdef,p=${proof}\0v=${proof}`),
      Buffer.from(`y,,n=*,r=abc,x=y\0c=eSws,r=abcdef,x=y,p=${proof}\0e=other-error`),
      Buffer.from('n,a=b,n=,r=abc'),
      Buffer.from('p=tls-server-end-point,,n=,r=abc'),
    ],
    run: (input) => {
      const [first = input, last = input, server = input] = split(input)
      const step = readRelayedFirst(first)
      if (step.next !== 'relay') return step.next
      checkPassed(step.first.message, first)
      const { nonce, flag } = step.first
      if (!step.first.message.startsWith(`${flag},,n=`)) throw new Violation('another header')
      const challenge = { nonce: `${nonce}def` }
      const final = readRelayedFinal(last, step.first, challenge)
      const proves = isServerProof(server.toString('utf8'))
      if (final === undefined) return `first, ${String(proves)}`
      checkPassed(final, last)
      const header = flag === 'y' ? 'eSws' : 'biws'
      if (!final.startsWith(`c=${header},r=${challenge.nonce},`)) {
        throw new Violation('an answer to something else')
      }
      if (!/,p=[A-Za-z0-9+/]{43}=$/.test(final)) throw new Violation('no proof')
      return `first, last, ${String(proves)}`
    },
  })
}

/** What is passed on is what came, of one line, and not long. */
function checkPassed(message: string, bytes: Buffer): void {
  if (!Buffer.from(message).equals(bytes)) throw new Violation('it was changed on the way')
  if (bytes.length > maxScramMessageBytes) throw new Violation('it has no limit')
  if (!printable.test(message)) throw new Violation('it has control characters')
}

function split(input: Buffer): readonly Buffer[] {
  const parts: Buffer[] = []
  let rest = input
  for (let at = rest.indexOf(0); at !== -1 && parts.length < 2; at = rest.indexOf(0)) {
    parts.push(rest.subarray(0, at))
    rest = rest.subarray(at + 1)
  }
  return [...parts, rest]
}
