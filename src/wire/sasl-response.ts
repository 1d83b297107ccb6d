// The messages by which a client takes part in a SASL exchange (PostgreSQL documentation, 54.7).
import { Refusal } from '../refusal.ts'
import { FrameError, readFrame } from './frame.ts'
import type { Taken } from './startup.ts'

export interface SaslInitialResponse {
  readonly mechanism: string
  /** Undefined where the client has none, and waits for an empty challenge. */
  readonly response: Buffer | undefined
}

const type = 'p'.charCodeAt(0)
/** PostgreSQL's mechanisms have names of 20 characters at most, as RFC 4422 3.1 wants it. */
const longestMechanismBytes = 20
const withoutResponse = 0xffffffff

/** Reads a SASLInitialResponse; undefined while it is incomplete. */
export function readSaslInitialResponse(
  bytes: Buffer,
  maxResponseBytes: number,
): Taken<SaslInitialResponse> | undefined {
  const taken = readResponseFrame(bytes, maxResponseBytes + longestMechanismBytes + 5)
  if (taken === undefined) return undefined
  const { value: body, length } = taken
  const end = body.indexOf(0)
  if (end === -1 || end > longestMechanismBytes || body.length < end + 5) {
    throw malformed('SASL response of the wrong form')
  }
  const declared = body.readUInt32BE(end + 1)
  const response = body.subarray(end + 5)
  const hasResponse = declared !== withoutResponse
  if (response.length !== (hasResponse ? declared : 0)) {
    throw malformed('SASL response of another length than it declares')
  }
  return {
    value: {
      mechanism: body.toString('latin1', 0, end),
      response: hasResponse ? response : undefined,
    },
    length,
  }
}

/** Reads a SASLResponse; undefined while it is incomplete. */
export function readSaslResponse(
  bytes: Buffer,
  maxResponseBytes: number,
): Taken<Buffer> | undefined {
  return readResponseFrame(bytes, maxResponseBytes)
}

function readResponseFrame(bytes: Buffer, maxBodyBytes: number): Taken<Buffer> | undefined {
  // A wrong type is refused by its first byte: what it declares as its length may never come.
  if (bytes.length > 0 && bytes.readUInt8(0) !== type) throw malformed('unexpected message')
  try {
    const taken = readFrame(bytes, maxBodyBytes)
    return taken && { value: taken.value.body, length: taken.length }
  } catch (error) {
    if (!(error instanceof FrameError)) throw error
    if (error.declaredBytes < 0) throw malformed(error.message)
    throw new Refusal('password-too-long', {
      values: { limit: maxBodyBytes },
      logDetail: error.message,
    })
  }
}

function malformed(logDetail: string): Refusal {
  return new Refusal('malformed-sasl-response', { logDetail })
}
