// Why somebody is not signed in on the pages: each with its status, and what to do.
import { FetchError } from '../../identity/fetch-error.ts'
import { printable, Refusal } from '../../refusal.ts'

interface ProblemEntry {
  readonly status: 400 | 403 | 405 | 410 | 500 | 502 | 503
  readonly title: string
  readonly text: string
  /** Whether it is of use to begin again. */
  readonly isWorthAnotherTry: boolean
}

const again = { isWorthAnotherTry: true } as const
const useless = { isWorthAnotherTry: false } as const
const incomplete = 'OIDC: unable to complete authentication'

export const problems = {
  disabled: {
    status: 400,
    title: 'OIDC: disabled',
    text: 'Nobody can sign in on these pages: no integration is set up for it.',
    ...useless,
  },
  'unknown-integration': {
    status: 400,
    title: 'There is no such way to sign in',
    text: 'The address names an identity provider that nobody can sign in at on these pages.',
    ...again,
  },
  'token-disabled': {
    status: 400,
    title: 'OIDC: generate JWT auth token disabled',
    text: 'This identity provider gives no tokens to be used as passwords on these pages.',
    ...useless,
  },
  'not-an-answer': {
    status: 400,
    title: incomplete,
    text: 'This is no answer of an identity provider.',
    ...again,
  },
  'unknown-state': {
    status: 400,
    title: incomplete,
    text: 'This browser has begun no such sign-in, or has completed it already. If you did not just sign in yourself, close this page.',
    ...again,
  },
  expired: {
    status: 410,
    title: 'Signing in took too long',
    text: 'The sign-in was begun too long ago to be completed.',
    ...again,
  },
  'foreign-origin': {
    status: 403,
    title: 'This request is not from here',
    text: 'It came from a page of another site, or of another sign-in. Go back to a page of this site, load it anew and try again.',
    ...useless,
  },
  'not-consented': {
    status: 403,
    title: 'You are not signed in',
    text: 'The identity provider says that the sign-in was refused there.',
    ...again,
  },
  'provider-unavailable': {
    status: 503,
    title: 'The identity provider does not answer',
    text: 'Nobody can sign in there at the moment. Try again in a minute.',
    ...again,
  },
  'provider-failed': {
    status: 502,
    title: incomplete,
    text: 'The identity provider gave no usable answer.',
    ...again,
  },
  'token-refused': {
    status: 403,
    title: incomplete,
    text: 'What the identity provider says of you is not accepted here.',
    ...again,
  },
  'unknown-user': {
    status: 403,
    title: 'Nobody here knows you',
    text: 'You are signed in at the identity provider, but you have no role here. Ask your administrator for one.',
    ...again,
  },
  denied: {
    status: 403,
    title: 'You are not let in',
    text: 'Your access has been withdrawn. Ask your administrator.',
    ...again,
  },
  'not-enough': {
    status: 403,
    title: 'The sign-in was not strong or not recent enough',
    text: 'The identity provider does not say that you signed in as is demanded for changes. Ask your administrator.',
    ...again,
  },
  'too-large': {
    status: 500,
    title: 'There is too much to remember of you',
    text: 'What the identity provider says of you does not fit into a cookie. Ask your administrator to have fewer names, groups or claims in the token.',
    ...useless,
  },
  failed: {
    status: 500,
    title: incomplete,
    text: 'Something went wrong here. Try again in a moment.',
    ...again,
  },
} as const satisfies Readonly<Record<string, ProblemEntry>>

export type ProblemName = keyof typeof problems

export interface ProblemOptions {
  /** For the page: what is known for sure of somebody who is known. */
  readonly told?: string | undefined
  /** For the log. */
  readonly detail?: string | undefined
  readonly cause?: unknown
}

/** Expected: the page says what, the log why. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly problem: ProblemName
  readonly told: string | undefined
  readonly detail: string | undefined

  constructor(problem: ProblemName, { told, detail, cause }: ProblemOptions = {}) {
    super(problem, { cause })
    this.problem = problem
    this.told = told
    this.detail = detail
  }
}

export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (!(error instanceof Refusal)) return new Problem('failed', { cause: error })
  const { reason, clientDetail, logDetail, cause } = error
  const detail = [reason, logDetail].filter((one) => one !== undefined).join(': ')
  if (reason === 'sign-in-denied') return new Problem('not-consented', { detail })
  if (reason === 'keys-unavailable' || cause instanceof FetchError) {
    return new Problem('provider-unavailable', { detail, cause })
  }
  if (reason === 'sign-in-failed') return new Problem('provider-failed', { detail, cause })
  // What is said of a token before its signature is verified is for the log alone.
  const told = clientDetail === undefined ? undefined : printable(clientDetail, 500)
  return new Problem('token-refused', { detail, told: error.isVague ? undefined : told, cause })
}
