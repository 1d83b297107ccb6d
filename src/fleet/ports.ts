import type { ChildProcess } from 'node:child_process'
import type { Port } from './channel.ts'

/** The primary's end of the channel to a worker. */
export function portOfChild(child: ChildProcess): Port {
  return {
    get connected() {
      return child.connected
    },
    // A channel that breaks is told by the disconnect; a failed send has nothing to add.
    send: (message) => void child.send(message, () => {}),
    onMessage: (receive) => child.on('message', receive),
    onDisconnect: (listener) => child.on('disconnect', listener),
  }
}

/** A worker's end of the channel to its primary. */
export function portOfParent(): Port {
  return {
    get connected() {
      return process.connected
    },
    send: (message) => void process.send?.(message, undefined, undefined, () => {}),
    onMessage: (receive) => process.on('message', receive),
    onDisconnect: (listener) => process.on('disconnect', listener),
  }
}
