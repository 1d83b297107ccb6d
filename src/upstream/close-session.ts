import type { Socket } from 'node:net'
import { terminate } from '../wire/write-frontend.ts'

/** Says goodbye to a server, and closes the connection once that is out. */
export function closeSession({ socket }: { readonly socket: Socket }): void {
  if (socket.destroyed) return
  socket.end(terminate)
  socket.destroySoon()
}
