import { Refusal } from '../refusal.ts'
import { FrameError, readFrame } from './frame.ts'
import type { Taken } from './startup.ts'

/** Reads the PasswordMessage that answers AuthenticationCleartextPassword; undefined while incomplete. */
export function readPasswordMessage(
  bytes: Buffer,
  maxPasswordBytes: number,
): Taken<string> | undefined {
  // A wrong type is refused by its first byte: what it declares as its length may never come.
  if (bytes.length > 0 && bytes.readUInt8(0) !== passwordType) throw malformed('unexpected message')
  const taken = readPasswordFrame(bytes, maxPasswordBytes)
  if (taken === undefined) return undefined
  const { body } = taken.value
  const end = body.indexOf(0)
  if (end === -1 || end !== body.length - 1) {
    throw malformed(end === -1 ? 'password without terminator' : 'password with an embedded NUL')
  }
  return { value: body.toString('utf8', 0, end), length: taken.length }
}

const passwordType = 'p'.charCodeAt(0)

function readPasswordFrame(bytes: Buffer, maxPasswordBytes: number): ReturnType<typeof readFrame> {
  try {
    return readFrame(bytes, maxPasswordBytes + 1)
  } catch (error) {
    if (!(error instanceof FrameError)) throw error
    if (error.declaredBytes < 0) throw malformed(error.message)
    throw new Refusal('password-too-long', {
      values: { limit: maxPasswordBytes },
      logDetail: error.message,
    })
  }
}

function malformed(logDetail: string): Refusal {
  return new Refusal('malformed-password', { logDetail })
}
