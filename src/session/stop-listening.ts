import type { Server } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Whoever is in the kernel's queue is accepted in one of so many turns of the event loop that follow each other. */
const silentTurns = 2
/** There may always be somebody else. */
const usualLongestMs = 2_000

/**
 * Accepts whoever has connected already, and then nobody any more. The kernel would reset the connections that it has
 * made for a listener and that are not accepted when that is closed: of several processes that share a port too.
 */
export async function stopListening(server: Server, longestMs = usualLongestMs): Promise<void> {
  let turns = 0
  const begin = (): void => {
    turns = 0
  }
  const end = performance.now() + longestMs
  server.on('connection', begin)
  while (turns < silentTurns && performance.now() < end) {
    turns++
    await nextTurn()
  }
  server.off('connection', begin)
  server.close()
}
