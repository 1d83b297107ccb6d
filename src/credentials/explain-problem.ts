// What went wrong, for whoever wants a token: what happened to whom, and what to do about it.
import { FetchError } from '../identity/fetch-error.ts'
import { ProviderRefusal } from '../identity/sign-in-provider.ts'
import { printable, Refusal } from '../refusal.ts'
import { GatewayRefusal } from './gateway-refusal.ts'
import { CredentialProblem, type ProblemKind } from './problem.ts'

interface Explanation {
  readonly kind: ProblemKind
  /** Follows the name of whom it is about. */
  readonly says: string
  readonly hint?: string | undefined
}

/** RFC 6749, 4.1.2.1 and 5.2; RFC 8628, 3.5; RFC 8707, 2; OpenID Connect Core, 3.1.2.6. */
const oauthCodes: Readonly<Record<string, Explanation>> = {
  invalid_client: {
    kind: 'refused',
    says: 'does not know the client, or does not take its secret',
    hint: 'Compare client_id and the secret of the profile with what is registered at the provider.',
  },
  unauthorized_client: {
    kind: 'refused',
    says: 'does not let this client sign in in this way',
    hint: 'Have the grant type of the flow allowed for the client at the provider, or choose another one with --flow.',
  },
  unsupported_grant_type: {
    kind: 'refused',
    says: 'does not know this way to sign in',
    hint: 'Choose another one with --flow.',
  },
  invalid_grant: {
    kind: 'refused',
    says: 'does not take what it was shown: a code that was used, a wrong password, or an expired assertion',
    hint: 'Sign in again with portcullis login.',
  },
  invalid_scope: {
    kind: 'refused',
    says: 'does not give this client one of the scopes',
    hint: 'Have the scopes of the profile allowed for the client at the provider, or name others with --scope.',
  },
  invalid_target: {
    kind: 'refused',
    says: 'has no such audience for this client',
    hint: 'Compare the audience of the profile with what is registered at the provider.',
  },
  invalid_request: {
    kind: 'refused',
    says: 'does not take the request',
    hint: 'Most often the redirect address is not registered: http://127.0.0.1/callback, with any port.',
  },
  login_required: { kind: 'refused', says: 'wants somebody to sign in', hint: signInAgain() },
  consent_required: { kind: 'refused', says: 'wants somebody to agree', hint: signInAgain() },
  interaction_required: { kind: 'refused', says: 'wants to ask somebody', hint: signInAgain() },
  mfa_required: { kind: 'refused', says: 'wants a second factor', hint: signInAgain() },
  slow_down: {
    kind: 'unreachable',
    says: 'wants to be asked less often',
    hint: 'Try again in a minute.',
  },
  temporarily_unavailable: {
    kind: 'unreachable',
    says: 'cannot answer for now',
    hint: 'Try again in a minute.',
  },
  server_error: {
    kind: 'unreachable',
    says: 'has failed',
    hint: 'Try again in a minute.',
  },
}

const untrusted: Explanation = {
  kind: 'unreachable',
  says: 'shows a certificate of an authority that is not trusted here',
  hint: 'Name the authority with --ca-file (ca_file in the profile), and do so only with a file that you trust.',
}
const expired: Explanation = {
  kind: 'unreachable',
  says: 'shows a certificate that is not good now',
  hint: 'Look at the clock of this machine; else whoever runs it has to renew the certificate.',
}
const refusedConnection: Explanation = {
  kind: 'unreachable',
  says: 'cannot be reached: the connection was refused',
  hint: 'Look whether address and port are right, and whether it runs.',
}
const lostConnection: Explanation = {
  kind: 'unreachable',
  says: 'cannot be reached: the connection was cut',
  hint: 'Try again; a firewall or a proxy on the way may do so, too.',
}
const noRoute: Explanation = {
  kind: 'unreachable',
  says: 'cannot be reached: there is no way to its network',
  hint: 'Look whether this machine is connected, and whether a VPN is needed.',
}
const unknownName: Explanation = {
  kind: 'unreachable',
  says: 'cannot be reached: its name is not known',
  hint: 'Look whether it is spelt right, and whether this machine is connected.',
}
const silent: Explanation = {
  kind: 'unreachable',
  says: 'did not answer in time',
  hint: 'Look whether this machine is connected, and whether a proxy (HTTPS_PROXY) or a VPN is needed.',
}

/** Codes of Node and of OpenSSL. */
const networkCodes: Readonly<Record<string, Explanation>> = {
  ENOTFOUND: unknownName,
  EAI_AGAIN: unknownName,
  ECONNREFUSED: refusedConnection,
  ECONNRESET: lostConnection,
  EPIPE: lostConnection,
  ETIMEDOUT: silent,
  EHOSTUNREACH: noRoute,
  ENETUNREACH: noRoute,
  EADDRNOTAVAIL: noRoute,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  CERT_UNTRUSTED: untrusted,
  CERT_HAS_EXPIRED: expired,
  CERT_NOT_YET_VALID: expired,
  ERR_TLS_CERT_ALTNAME_INVALID: {
    kind: 'unreachable',
    says: 'shows a certificate for another name',
    hint: 'Use the name that its certificate has.',
  },
  EPROTO: {
    kind: 'unreachable',
    says: 'does not speak TLS as it should',
    hint: 'Look whether the port is that of https.',
  },
}

function signInAgain(): string {
  return 'Run portcullis login on a terminal.'
}

const deepest = 8

/** A CredentialProblem for whatever is to be expected; what nobody expected stays what it is. */
export function explainProblem(error: unknown, who: string): unknown {
  if (error instanceof CredentialProblem) return error
  const explained = explain(error)
  if (explained === undefined) return error
  const { kind, says, hint } = explained
  return new CredentialProblem(kind, `${printable(who)} ${says}`, { hint, cause: error })
}

function explain(error: unknown): Explanation | undefined {
  const chain = causesOf(error)
  for (const one of chain) {
    const code = codeOf(one)
    const known = entryOf(networkCodes, code)
    if (known !== undefined) return known
    if (code?.startsWith('ERR_SSL_') === true) return networkCodes['EPROTO']
  }
  const gateway = chain.find((one) => one instanceof GatewayRefusal)
  if (gateway !== undefined) return explainGateway(gateway)
  const refusal = chain.find((one) => one instanceof Refusal)
  if (refusal !== undefined) return explainRefusal(refusal, chain)
  const fetched = chain.find((one) => one instanceof FetchError)
  if (fetched !== undefined) return explainFetch(fetched)
  const code = chain.map(codeOf).find((one) => one !== undefined && isOfOthers.test(one))
  return code === undefined ? undefined : { kind: 'unreachable', says: unusable(code) }
}

/** Of the library that reads answers, of TLS and of HTTP; others are of this program. */
const isOfOthers = /^(?:OAUTH_|ERR_TLS_|ERR_PROXY_|HPE_|E[A-Z]{3,})|CERT|^UNABLE_/

function unusable(what: string): string {
  return `gave no answer that can be used (${printable(what)})`
}

function explainRefusal(refusal: Refusal, chain: readonly unknown[]): Explanation {
  const fetched = chain.find((one) => one instanceof FetchError)
  if (fetched !== undefined) return explainFetch(fetched)
  switch (refusal.reason) {
    case 'sign-in-denied':
      return {
        kind: 'refused',
        says: 'says that the sign-in was denied',
        hint: 'Somebody said no there, or the provider does not let this user use the client.',
      }
    case 'sign-in-timeout':
      return {
        kind: 'failed',
        says: 'says that nobody signed in in time',
        hint: 'Run portcullis login to begin again.',
      }
    default:
      return explainAnswer(refusal)
  }
}

function explainAnswer(refusal: Refusal): Explanation {
  if (refusal instanceof ProviderRefusal) {
    const { code } = refusal
    const known = entryOf(oauthCodes, code)
    if (known !== undefined) return { ...known, says: `${known.says} (${code})` }
    return { kind: 'refused', says: `refuses the sign-in (${code ?? 'an error of its own'})` }
  }
  const { logDetail } = refusal
  return { kind: 'unreachable', says: unusable(logDetail ?? refusal.reason) }
}

/** What the API of the gateway says is for people already. */
function explainGateway({ status, error }: GatewayRefusal): Explanation {
  if (error === undefined) {
    return {
      kind: 'unreachable',
      says: `answers as no gateway of Portcullis does (status ${status})`,
      hint: 'Look whether the address is that of its pages, web.public_url of its configuration.',
    }
  }
  const { code, description = code, hint, reference } = error
  const kind = entryOf(gatewayKinds, code)
  const told = reference === undefined ? '' : ` (${printable(reference, longestReference)})`
  return {
    kind: kind ?? 'refused',
    says: `says: ${printable(withoutTokens(description))}${told}`,
    hint: hint === undefined ? entryOf(gatewayHints, code) : printable(withoutTokens(hint)),
  }
}

const longestReference = 40

/** Whoever it is may repeat what it was sent. */
function withoutTokens(text: string): string {
  return text.replaceAll(/eyJ[\w.-]{16,}/g, '[token]')
}

const gatewayKinds: Readonly<Record<string, ProblemKind>> = {
  not_found: 'configuration',
  invalid_request: 'configuration',
  unsupported_token_type: 'configuration',
  expired_token: 'failed',
  slow_down: 'unreachable',
  temporarily_unavailable: 'unreachable',
  server_error: 'unreachable',
}

const gatewayHints: Readonly<Record<string, string>> = {
  expired_token: 'Run portcullis login to begin again.',
  slow_down: 'Try again in a minute.',
  temporarily_unavailable: 'Try again in a minute.',
  server_error: 'Try again in a minute; the log of the gateway has more.',
  invalid_token: 'Sign in again with portcullis login; the log of the gateway has the reason.',
}

function explainFetch({ message }: FetchError): Explanation {
  if (message.startsWith('no answer within')) return silent
  return { kind: 'unreachable', says: unusable(message) }
}

/** The library wraps what its fetch throws, and so do we. */
function causesOf(error: unknown): readonly unknown[] {
  const chain: unknown[] = []
  for (let one = error; one instanceof Error && chain.length < deepest; one = one.cause) {
    chain.push(one)
    if (one instanceof AggregateError) chain.push(...(one.errors as readonly unknown[]))
  }
  return chain
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** Of what others have written nothing is looked up that is not in the table itself. */
function entryOf<T>(table: Readonly<Record<string, T>>, code: string | undefined): T | undefined {
  return code !== undefined && Object.hasOwn(table, code) ? table[code] : undefined
}
