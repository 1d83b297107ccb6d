// Whoever has very many addresses, as with IPv6, takes no more memory than is set aside.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { LoginRate, maxRatedAddresses } from '../../src/session/login-rate.ts'
import { maxRemembered, Throttle } from '../../src/session/throttle.ts'

const addresses = 1_000_000
const deadlineMs = 60_000

test(
  'a million addresses with wrong passwords take the memory of a hundred thousand',
  () => {
    const throttle = new Throttle()
    const fail = (index: number): void => {
      const address = index.toString(16).padStart(16, '0')
      const guess = { address, kind: 'password', user: 'postgres', digest: index } as const
      throttle.begin(guess, 0, () => {}).settle('failed', 0)
    }
    const { full, after } = grown(maxRemembered, fail)
    expect(throttle.remembered).toBe(maxRemembered)
    expect(throttle.busy).toBe(0)
    expect(full / maxRemembered).toBeLessThan(800)
    expect(after).toBeLessThan(2 * full)
  },
  deadlineMs,
)

test(
  'a million addresses that connect take the memory of a hundred thousand',
  () => {
    const rate = new LoginRate(1, () => 1_000)
    const limits = { loginsPerSecondPerAddress: 10, loginBurstPerAddress: 5 }
    const come = (i: number): unknown =>
      rate.take(`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`, limits)
    const { full, after } = grown(maxRatedAddresses, come)
    expect(rate.addresses).toBe(maxRatedAddresses)
    expect(full / maxRatedAddresses).toBeLessThan(300)
    expect(after).toBeLessThan(2 * full)
  },
  deadlineMs,
)

/** The bytes that are taken when so many have come, and when all have. */
function grown(first: number, visit: (index: number) => void): { full: number; after: number } {
  const empty = heapBytes()
  for (let i = 0; i < first; i++) visit(i)
  const full = heapBytes() - empty
  for (let i = first; i < addresses; i++) visit(i)
  return { full, after: heapBytes() - empty }
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
