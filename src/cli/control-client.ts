// Asks the service on this machine, by its control socket.
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { printable } from '../refusal.ts'

const timeoutMs = 60_000

/** Nobody listens there. */
export class NoService extends Error {
  override readonly name = 'NoService'
}

export async function askService(
  socketPath: string,
  path: string,
  body: unknown,
): Promise<Readonly<Record<string, unknown>>> {
  const answer = await post(socketPath, path, JSON.stringify(body))
  const content = JSON.parse(answer.body) as Readonly<Record<string, unknown>>
  if (answer.status === 200) return content
  const { error } = content
  throw new Error(
    typeof error === 'string' ? printable(error) : `the service says ${answer.status}`,
  )
}

async function post(
  socketPath: string,
  path: string,
  body: string,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { socketPath, path, method: 'POST', timeout: timeoutMs, headers: { host: 'portcullis' } },
      (response) => {
        text(response).then((content) => {
          resolve({ status: response.statusCode ?? 0, body: content })
        }, reject)
      },
    )
    asked.once('timeout', () => asked.destroy(new Error('no answer in time')))
    asked.once('error', (cause: NodeJS.ErrnoException) => {
      const message = `the service cannot be reached by ${socketPath}: ${cause.message}`
      const isAbsent = cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED'
      reject(isAbsent ? new NoService(message, { cause }) : new Error(message, { cause }))
    })
    asked.end(body)
  })
}
