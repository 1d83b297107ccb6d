import { sessionTokenType } from './session-token-type.ts'
import { typeName } from './token-rules.ts'
import { readHeader } from './token-shape.ts'

/** Whether a token says that it is one of ours: then it is that or nothing. */
export function isSessionToken(token: string): boolean {
  const typ = readHeader(token)?.['typ']
  return typeof typ === 'string' && typeName(typ) === sessionTokenType
}
