import type { EventEmitter } from 'node:events'

/**
 * Waits until a socket says that it is connected or secured; its error or close before that throws what
 * `toError` makes of it. Nothing is left on the socket: a session lives long.
 */
export async function established(
  socket: EventEmitter,
  event: 'connect' | 'secure' | 'secureConnect',
  toError: (cause?: Error) => Error,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const done = (): void => {
    resolve(undefined)
  }
  const failed = (cause?: Error): void => {
    reject(toError(cause))
  }
  const closed = (): void => {
    failed()
  }
  socket.once(event, done).once('error', failed).once('end', closed).once('close', closed)
  try {
    await promise
  } finally {
    socket.off(event, done).off('error', failed).off('end', closed).off('close', closed)
  }
}

/**
 * For every socket, from its first moment: an error is told to whoever reads or writes, and one that
 * nobody waits for must not end the process. One function, so that it keeps nothing of a session alive.
 */
export function ignoreError(): void {
  // Nothing to do: `close` follows, and that is what sessions act on.
}
