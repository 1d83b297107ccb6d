import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { established } from '../../../src/wire/established.ts'

const toError = (cause?: Error): Error => new Error('not established', { cause })

test('a socket is established at its event, and nothing is left on it', async () => {
  const socket = new EventEmitter()
  const waiting = established(socket, 'connect', toError)
  socket.emit('connect')
  await expect(waiting).resolves.toBeUndefined()
  expect(socket.eventNames()).toEqual([])
})

test.each(['secure', 'secureConnect'] as const)(
  'it can be %s that is waited for',
  async (event) => {
    const socket = new EventEmitter()
    const waiting = established(socket, event, toError)
    socket.emit(event)
    await expect(waiting).resolves.toBeUndefined()
  },
)

test('an error before that is told with its cause', async () => {
  const socket = new EventEmitter()
  const waiting = established(socket, 'secure', toError)
  const cause = new Error('reset')
  socket.emit('error', cause)
  await expect(waiting).rejects.toMatchObject({ message: 'not established', cause })
  expect(socket.eventNames()).toEqual([])
})

test('a close before that is told without one', async () => {
  const socket = new EventEmitter()
  const waiting = established(socket, 'secure', toError)
  socket.emit('close', false)
  await expect(waiting).rejects.toMatchObject({ message: 'not established', cause: undefined })
})
