import { describe, expect, test } from 'vitest'
import { Channel, ChannelError, type Handlers } from '../../../src/fleet/channel.ts'
import { Wire } from './wire.ts'

function joined(handlers: Handlers): { channel: Channel; wire: Wire; far: Wire } {
  const [wire, far] = Wire.pair()
  new Channel(far, handlers)
  return { channel: new Channel(wire, {}), wire, far }
}

const minuteMs = 60_000

describe('a call over a channel', () => {
  test('is answered with what the other side returns', async () => {
    const { channel } = joined({ double: (value: number) => value * 2 })
    expect(await channel.call('double', 21, minuteMs)).toBe(42)
  })

  test('is answered when the other side is done', async () => {
    const { channel } = joined({ later: async () => Promise.resolve('done') })
    expect(await channel.call('later', undefined, minuteMs)).toBe('done')
  })

  test('has its own answer, whatever the order', async () => {
    const first = Promise.withResolvers<string>()
    const { channel } = joined({
      ask: async (which: string) => (which === 'a' ? first.promise : Promise.resolve(which)),
    })
    const a = channel.call('ask', 'a', minuteMs)
    expect(await channel.call('ask', 'b', minuteMs)).toBe('b')
    first.resolve('a')
    expect(await a).toBe('a')
  })

  test.each<[string, Handlers, string]>([
    [
      'that throws',
      {
        ask: () => {
          throw new Error('broken')
        },
      },
      'broken',
    ],
    ['that rejects', { ask: async () => Promise.reject(new Error('late')) }, 'late'],
    ['that is not there', {}, 'no method ask'],
  ])('to a method %s ends with its message', async (_, handlers, message) => {
    const { channel } = joined(handlers)
    await expect(channel.call('ask', undefined, minuteMs)).rejects.toThrow(
      new ChannelError(message),
    )
  })

  test('ends at its deadline', async () => {
    const { channel } = joined({ ask: async () => new Promise(() => {}) })
    await expect(channel.call('ask', undefined, 1)).rejects.toThrow('ask: no answer within 1 ms')
  })

  test('ends when the channel does', async () => {
    const { channel, wire } = joined({ ask: async () => new Promise(() => {}) })
    const asked = channel.call('ask', undefined, minuteMs)
    wire.disconnect()
    await expect(asked).rejects.toThrow('disconnected')
  })

  test('over a channel that has ended is not made', async () => {
    const { channel, wire } = joined({})
    wire.disconnect()
    await expect(channel.call('ask', undefined, minuteMs)).rejects.toThrow('ask: disconnected')
  })

  test('is not made when 1,024 wait already', async () => {
    const { channel, wire } = joined({ ask: async () => new Promise(() => {}) })
    const waiting = Array.from({ length: 1_024 }, async () =>
      channel.call('ask', undefined, minuteMs).catch(() => 'ended'),
    )
    await expect(channel.call('ask', undefined, minuteMs)).rejects.toThrow('ask: too many calls')
    wire.disconnect()
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['ended']))
  })
})

describe('what is told over a channel', () => {
  test('reaches the other side, which has nothing to answer', async () => {
    const told: unknown[] = []
    const { channel, wire } = joined({
      tell: (value: unknown) => {
        told.push(value)
        return 'unheard'
      },
      fail: () => {
        throw new Error('unheard')
      },
      ask: () => 'fine',
    })
    const replies: unknown[] = []
    wire.onMessage((message) => replies.push(message))
    channel.tell('tell', 42)
    channel.tell('fail', undefined)
    channel.tell('not there', undefined)
    expect(await channel.call('ask', undefined, minuteMs)).toBe('fine')
    expect([told, replies]).toEqual([[42], [{ kind: 'reply', id: 1, value: 'fine' }]])
  })

  test('is lost where the channel has ended', () => {
    const { channel, wire } = joined({})
    wire.disconnect()
    expect(() => {
      channel.tell('tell', 42)
    }).not.toThrow()
  })
})

describe('a channel', () => {
  test.each([undefined, null, 'call', 7, {}, { kind: 'other' }, { kind: 'reply', id: 99 }])(
    'ignores %j, which is nothing of its own',
    async (stray) => {
      const { channel, wire } = joined({ ask: () => 'fine' })
      wire.receive(stray)
      expect(await channel.call('ask', undefined, minuteMs)).toBe('fine')
    },
  )
})
