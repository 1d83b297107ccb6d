import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Violation } from '../target.ts'

/** Longer than the time that a refused client gets to read why. */
const deadlineMs = 8_000

export async function untilClosed(socket: Socket): Promise<void> {
  if (socket.closed) return
  socket.resume()
  const signal = AbortSignal.timeout(deadlineMs)
  try {
    await once(socket, 'close', { signal })
  } catch {
    socket.destroy()
    if (signal.aborted) throw new Violation(`a connection is open after ${deadlineMs} ms`)
  }
}
