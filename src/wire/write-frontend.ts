// Messages in the client's direction that Portcullis writes to an upstream (PostgreSQL documentation, 54.7).
import { writeFrame } from './frame.ts'

export function passwordMessage(password: string): Buffer {
  return writeFrame('p', Buffer.from(`${password}\0`, 'utf8'))
}

export function saslInitialResponse(mechanism: string, response: string): Buffer {
  const data = Buffer.from(response, 'utf8')
  const length = Buffer.allocUnsafe(4)
  length.writeInt32BE(data.length, 0)
  return writeFrame('p', Buffer.concat([Buffer.from(`${mechanism}\0`, 'utf8'), length, data]))
}

export function saslResponse(response: string): Buffer {
  return writeFrame('p', Buffer.from(response, 'utf8'))
}

export function queryMessage(sql: string): Buffer {
  return writeFrame('Q', Buffer.from(`${sql}\0`, 'utf8'))
}

export const terminate = writeFrame('X', Buffer.alloc(0))
