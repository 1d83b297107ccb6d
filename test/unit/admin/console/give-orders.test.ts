import { describe, expect, test } from 'vitest'
import { giveOrder } from '../../../../src/admin/console/give-orders.ts'
import type { ConsoleOrder, ConsoleReply } from '../../../../src/admin/order.ts'

const given: ConsoleOrder = {
  text: 'PAUSE',
  index: 0,
  parameters: [],
  user: {
    name: 'root',
    right: 'admin',
    by: 'secret',
    issuer: undefined,
    subject: undefined,
    address: '10.0.0.1',
    session: 'one',
    database: 'system',
  },
}
const done: ConsoleReply = { kind: 'answer', answer: { tag: 'PAUSE' } }
const waiting: ConsoleReply = { kind: 'waiting', ticket: 't' }

/** Answers one order after the other, and keeps them. */
function primary(...replies: readonly ConsoleReply[]) {
  const orders: ConsoleOrder[] = []
  const order = async (one: ConsoleOrder): Promise<ConsoleReply> => {
    orders.push(one)
    return Promise.resolve(replies[orders.length - 1] ?? waiting)
  }
  return { orders, order }
}

const never = new AbortController().signal

describe('an order', () => {
  test('is given again with its ticket while something is waited for', async () => {
    const { orders, order } = primary(waiting, waiting, done)
    expect(await giveOrder(order, given, never)).toEqual({ tag: 'PAUSE' })
    expect(orders).toEqual([given, { ...given, ticket: 't' }, { ...given, ticket: 't' }])
  })

  test('that is cancelled while it waits is let go of', async () => {
    const { orders, order } = primary()
    const cancel = new AbortController()
    const answered = giveOrder(
      async (one) => {
        const reply = await order(one)
        if (orders.length === 2) cancel.abort()
        return reply
      },
      given,
      cancel.signal,
    )
    await expect(answered).rejects.toMatchObject({ fault: { sqlstate: '57014' } })
    expect(orders.at(-1)).toEqual({ ...given, ticket: 't', isAbandoned: true })
  })

  test('that is being carried out is not cancelled: what came of it is told', async () => {
    const cancel = new AbortController()
    const order = async (): Promise<ConsoleReply> => {
      cancel.abort()
      return Promise.resolve(done)
    }
    expect(await giveOrder(order, given, cancel.signal)).toEqual({ tag: 'PAUSE' })
  })

  test('is not given where it is cancelled already', async () => {
    const { orders, order } = primary(done)
    const cancelled = AbortSignal.abort()
    await expect(giveOrder(order, given, cancelled)).rejects.toMatchObject({
      fault: { sqlstate: '57014' },
    })
    expect(orders).toEqual([])
  })

  test('that fails is told as it is', async () => {
    const fault = { sqlstate: '42710', message: 'there is one', position: 3 }
    const { order } = primary({ kind: 'fault', fault })
    await expect(giveOrder(order, given, never)).rejects.toMatchObject({ fault })
  })

  test('that nobody answers may have taken effect, and says so', async () => {
    const order = async (): Promise<never> => Promise.reject(new Error('no answer'))
    await expect(giveOrder(order, given, never)).rejects.toMatchObject({
      fault: {
        sqlstate: '58000',
        detail: 'The statement may have taken effect, or may do so yet.',
      },
    })
  })
})
