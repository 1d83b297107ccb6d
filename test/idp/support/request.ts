import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'

export interface Requested {
  readonly method: string
  readonly authority: string
  readonly bearer?: string
  readonly form?: Readonly<Record<string, string>>
  readonly body?: Readonly<Record<string, unknown>>
}

export interface Answered {
  readonly status: number
  readonly text: string
  /** Undefined where it is none. */
  readonly json: unknown
}

const deadlineMs = 20_000

/** One request to a provider, of a form or of JSON. */
export async function request(
  url: string,
  { method, authority, bearer, form, body }: Requested,
): Promise<Answered> {
  const isForm = form !== undefined
  const content = isForm ? new URLSearchParams(form).toString() : body && JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(url, {
      method,
      ca: authority,
      agent: false,
      signal: AbortSignal.timeout(deadlineMs),
      headers: {
        accept: 'application/json',
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
        ...(content !== undefined && {
          'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json',
        }),
      },
    })
    outgoing.once('error', reject)
    outgoing.once('response', (incoming) => {
      text(incoming).then((answer) => {
        resolve({ status: incoming.statusCode ?? 0, text: answer, json: parsed(answer) })
      }, reject)
    })
    outgoing.end(content)
  })
}

function parsed(answer: string): unknown {
  try {
    return JSON.parse(answer)
  } catch {
    return undefined
  }
}
