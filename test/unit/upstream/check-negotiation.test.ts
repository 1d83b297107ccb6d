import { describe, expect, test } from 'vitest'
import { checkNegotiation } from '../../../src/upstream/check-negotiation.ts'
import type { UpstreamProtocol } from '../../../src/upstream/target.ts'
import { refusalOf } from '../wire/bytes.ts'

function negotiation(version: number, unknownOptions: readonly string[] = []) {
  return { kind: 'negotiate-protocol-version', version, unknownOptions } as const
}

describe('a server that negotiates', () => {
  test('may go down from 3.2 to 3.0', () => {
    expect(() => {
      checkNegotiation(negotiation(0x30000), '3.2')
    }).not.toThrow()
  })

  test.each<[string, UpstreamProtocol, number, string]>([
    ['down from 3.0 to what it was asked for', '3.0', 0x30000, '3.0'],
    ['up from 3.0', '3.0', 0x30002, '3.2'],
    ['with the version that it was asked for', '3.2', 0x30002, '3.2'],
    ['up from 3.2', '3.2', 0x30003, '3.3'],
    ['to 3.1, which there is not', '3.2', 0x30001, '3.1'],
    ['to protocol 2', '3.2', 0x20000, '2.0'],
    ['to protocol 4', '3.2', 0x40000, '4.0'],
    ['with a minor version alone', '3.2', 0, '0.0'],
    ['with a negative version', '3.2', -1, '65535.65535'],
  ])('%s is refused', (_, asked, version, offered) => {
    const refusal = refusalOf(() => {
      checkNegotiation(negotiation(version), asked)
    })
    expect(refusal).toMatchObject({
      reason: 'upstream-protocol',
      logDetail: `the server answers the request for protocol ${asked} with ${offered}`,
    })
  })

  test('about options that it was not given is refused, without their names', () => {
    const refusal = refusalOf(() => {
      checkNegotiation(negotiation(0x30000, ['_pq_.secret']), '3.2')
    })
    expect(refusal.reason).toBe('upstream-protocol')
    expect(refusal.logDetail).toBe('the server refuses 1 protocol options, and was asked for none')
  })
})
