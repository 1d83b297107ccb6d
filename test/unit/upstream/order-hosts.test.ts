import { describe, expect, test } from 'vitest'
import { orderHosts, retryDelayMs, shuffled } from '../../../src/upstream/order-hosts.ts'

const [a, b, c] = ['a', 'b', 'c'].map((host) => ({ host, port: 5432 })) as [Host, Host, Host]
interface Host {
  readonly host: string
  readonly port: number
}

function order(
  { failing = [], unwanted = [] }: { failing?: readonly Host[]; unwanted?: readonly Host[] } = {},
  isBalanced = false,
  random = () => 0,
): string {
  const hosts = orderHosts(
    { hosts: [a, b, c], isBalanced },
    {
      isFailing: (host) => failing.includes(host),
      isUnwanted: (host) => unwanted.includes(host),
      random,
    },
  )
  return hosts.map(({ host }) => host).join(' ')
}

describe('hosts are tried', () => {
  test.each([
    ['as they are configured', {}, 'a b c'],
    ['what failed a moment ago last', { failing: [a] }, 'b c a'],
    ['what is of another kind last', { unwanted: [a, b] }, 'c a b'],
    ['what failed after what is of another kind', { failing: [a], unwanted: [b] }, 'c b a'],
    ['what is both last of all', { failing: [a, b], unwanted: [a] }, 'c b a'],
    ['in their order when all have failed', { failing: [a, b, c] }, 'a b c'],
  ])('%s', (_, knowledge, expected) => {
    expect(order(knowledge)).toBe(expected)
  })

  test('in an order of chance where they share the sessions, and still what failed last', () => {
    expect(order({}, true, () => 0.99)).toBe('c b a')
    expect(order({ failing: [c] }, true, () => 0.99)).toBe('b a c')
  })
})

test('every order is as likely as any other', () => {
  const counts = new Map<string, number>()
  const steps = [0, 0.34, 0.67].flatMap((first) => [0, 0.5].map((second) => [first, second, 0]))
  for (const draws of steps) {
    const left = [...draws]
    const drawn = shuffled(['x', 'y', 'z'], () => left.shift() ?? 0).join('')
    counts.set(drawn, (counts.get(drawn) ?? 0) + 1)
  }
  expect([...counts.values()]).toEqual([1, 1, 1, 1, 1, 1])
})

test('the wait before another try grows to a second, and half of it is chance', () => {
  expect([0, 1, 2, 3, 4, 99].map((retry) => retryDelayMs(retry, () => 1))).toEqual([
    100, 200, 400, 800, 1_000, 1_000,
  ])
  expect(retryDelayMs(0, () => 0)).toBe(50)
  expect(retryDelayMs(99, () => 0)).toBe(500)
})
