import { describeTime } from './describe-check.ts'
import { quoted } from './shown.ts'
import { readUnverified } from './token-shape.ts'

/** What a session token says of itself, for whoever wants to know why it was taken or refused. */
export function describeSessionToken(token: string, now: Date): string {
  const { header, claims } = readUnverified(token) ?? { header: {}, claims: {} }
  return [
    `kid ${quoted(header['kid'])} among our keys`,
    `iss ${quoted(claims['iss'])}`,
    `exp ${describeTime(claims['exp'], now)}`,
  ].join('; ')
}
