import type { Socket } from 'node:net'
import { writeCancelRequest } from '../wire/startup.ts'
import { ignoreError } from '../wire/established.ts'
import { dial } from './dial.ts'
import type { Endpoint } from './endpoint.ts'
import type { UpstreamTarget } from './target.ts'

/**
 * Sends a CancelRequest to where the session lives and waits until the server has closed the connection,
 * which is how PostgreSQL says that it has dealt with it. Throws where it could not be delivered within
 * the connect timeout.
 */
export async function cancelUpstream(
  endpoint: Endpoint,
  target: UpstreamTarget,
  processId: number,
  secretKey: Buffer,
): Promise<void> {
  let socket: Socket | undefined
  const timer = setTimeout(() => {
    socket?.destroy(new Error('cancel request timed out'))
  }, target.connectTimeoutMs)
  try {
    const connected = await dial(endpoint, target, (opened) => {
      socket = opened
      opened.on('error', ignoreError)
    })
    await new Promise<void>((resolve, reject) => {
      connected.once('error', reject)
      for (const event of ['end', 'close'])
        connected.once(event, () => {
          resolve()
        })
      // It sends nothing, but unread bytes would keep the end from being seen.
      connected.resume()
      // As libpq, without an end of ours: PgBouncer gives a request up whose client has gone.
      connected.write(writeCancelRequest(processId, secretKey))
    })
  } finally {
    clearTimeout(timer)
    socket?.destroy()
  }
}
