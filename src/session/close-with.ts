import type { Socket } from 'node:net'

/** A client has so long to read what it is told last, and to close its side. */
const lingerMs = 2_000

/** Sends the last message of a connection, and closes it when that was read. */
export function closeWith(socket: Socket, message: Uint8Array): void {
  // Its close is past, and would not clear the timer.
  if (socket.closed) return
  const linger = setTimeout(() => {
    socket.destroy()
  }, lingerMs)
  socket.once('close', () => {
    clearTimeout(linger)
  })
  socket.once('end', () => {
    socket.destroySoon()
  })
  // Unread bytes would turn the close into a reset, and the client would never see the message.
  socket.resume()
  socket.end(message)
}
