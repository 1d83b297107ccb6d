// What a client reads when the agent itself has to say no. What a gateway says is passed on as it is.
import type { Socket } from 'node:net'
import { CredentialProblem, type ProblemKind } from '../credentials/problem.ts'
import { printable, Refusal } from '../refusal.ts'
import { closeWith } from '../session/close-with.ts'
import { type ErrorFields, fatalError } from '../wire/write-backend.ts'

const longestText = 1_000

const sqlstates: Readonly<Record<ProblemKind, string>> = {
  'sign-in-needed': '28000',
  refused: '28000',
  configuration: '28000',
  usage: '28000',
  unreachable: '08006',
  failed: '08006',
}

/** The fields of the error; whole messages of a gateway are not made of these. */
export function fieldsFor(error: unknown): ErrorFields {
  if (error instanceof CredentialProblem) {
    const { kind, message, hint } = error
    return {
      sqlstate: sqlstates[kind],
      message: printable(message, longestText),
      hint: hint === undefined ? undefined : printable(hint, longestText),
    }
  }
  if (!(error instanceof Refusal))
    return { sqlstate: 'XX000', message: 'internal error of the agent' }
  const { reason } = error
  switch (reason) {
    case 'upstream-unreachable':
    case 'upstream-timeout':
    case 'upstream-tls':
    case 'upstream-protocol':
    case 'upstream-authentication':
      return { sqlstate: '08001', ...gatewayTexts[reason], detail: detailOf(error) }
    case 'draining':
      return { sqlstate: error.sqlstate, message: 'the agent is shutting down' }
    default:
      return {
        sqlstate: error.sqlstate,
        message: error.messageFor({}),
        detail: error.clientDetail,
        hint: error.hint,
      }
  }
}

const gatewayTexts = {
  'upstream-unreachable': {
    message: 'could not connect to the gateway',
    hint: 'Look whether this machine is in the right network, and whether the profile names the gateway where it is.',
  },
  'upstream-timeout': {
    message: 'the gateway did not answer in time',
    hint: 'Look whether this machine is in the right network; --connect-timeout of the agent is how long it tries.',
  },
  'upstream-tls': {
    message: 'the gateway could not be verified, so no token was sent',
    hint: 'Its certificate has to be for the name in the profile, by an authority that is trusted: ca_file of the profile names others than those of the system.',
  },
  'upstream-protocol': {
    message: 'what answers in place of the gateway does not speak as PostgreSQL does',
    hint: 'Look at host and port in the profile.',
  },
  'upstream-authentication': {
    message: 'the gateway does not ask for a token',
    hint: 'Look whether host and port in the profile are those of the gateway, and not of a database.',
  },
} as const

/** It is all the client's own: where it connects to, and what this machine says of that. */
function detailOf({ logDetail, cause }: Refusal): string | undefined {
  const why = cause instanceof Error ? cause.message : undefined
  const parts = [logDetail, why].filter((part) => part !== undefined && part !== '')
  return parts.length === 0 ? undefined : printable(parts.join(': '), longestText)
}

/** Says why, and closes the connection when that was read. */
export function refuseClient(socket: Socket, error: unknown): void {
  const told = error instanceof Refusal ? error.errorResponse : undefined
  closeWith(socket, told ?? fatalError(fieldsFor(error)))
}
