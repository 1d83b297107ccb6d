// How a session that Portcullis ends is told so, in PostgreSQL's words where it has some.
import { type ErrorFields, fatalError } from '../wire/write-backend.ts'
import type { EndReason } from './observer.ts'

/** The ends that are ours to choose. */
export type GovernedEnd = Exclude<
  EndReason,
  'client-closed' | 'client-lost' | 'upstream-closed' | 'upstream-lost'
>

const told = {
  drain: {
    sqlstate: '57P01',
    message: 'terminating connection due to administrator command',
    hint: 'Connect again: the gateway is being stopped or replaced.',
  },
  'token-expired': {
    sqlstate: '57P01',
    message: 'terminating connection: token expired',
    hint: 'Connect again with a new token.',
  },
  'session-lifetime': {
    sqlstate: '57P01',
    message: 'terminating connection: session lifetime exceeded',
    hint: 'Connect again: this connectivity pool limits how long a session may last.',
  },
  idle: {
    sqlstate: '57P05',
    message: 'terminating connection due to idle-session timeout',
    hint: 'Connect again: this connectivity pool limits how long a session may be idle.',
  },
  'idle-in-transaction': {
    sqlstate: '25P03',
    message: 'terminating connection due to idle-in-transaction timeout',
    hint: 'The transaction was rolled back: this connectivity pool limits how long one may wait for its client.',
  },
  killed: {
    sqlstate: '57P01',
    message: 'terminating connection due to administrator command',
    hint: 'An administrator of the gateway has ended this session.',
  },
  revoked: {
    sqlstate: '57P01',
    message: 'terminating connection: access was revoked',
    hint: 'Ask the administrator.',
  },
  'logged-out': {
    sqlstate: '57P01',
    message: 'terminating connection: signed out at the identity provider',
    hint: 'Sign in again.',
  },
} as const satisfies Record<GovernedEnd, ErrorFields>

/** Written once: an end costs no work for each session. */
export const farewells: Readonly<Record<GovernedEnd, Buffer>> = {
  drain: fatalError(told.drain),
  'token-expired': fatalError(told['token-expired']),
  'session-lifetime': fatalError(told['session-lifetime']),
  idle: fatalError(told.idle),
  'idle-in-transaction': fatalError(told['idle-in-transaction']),
  killed: fatalError(told.killed),
  revoked: fatalError(told.revoked),
  'logged-out': fatalError(told['logged-out']),
}

export function isGoverned(reason: EndReason): reason is GovernedEnd {
  return Object.hasOwn(farewells, reason)
}
