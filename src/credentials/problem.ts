/** What kind of problem it is: each is an exit code of the command line. */
export type ProblemKind =
  /** Options or arguments that cannot be. */
  | 'usage'
  /** There is no token and none can be had without somebody signing in. */
  | 'sign-in-needed'
  /** Provider or gateway cannot be reached, or give no usable answer. */
  | 'unreachable'
  /** Provider or gateway say no. */
  | 'refused'
  /** The profile is not there, or is wrong, or a file is open to others. */
  | 'configuration'
  /** Whatever else was to be expected: no browser, nobody signed in in time, a full disk. */
  | 'failed'

/**
 * Why there is no token, for whoever wants one. Message and hint never have a token, a code or a secret in them,
 * and nothing of another machine that cannot be printed.
 */
export class CredentialProblem extends Error {
  override readonly name = 'CredentialProblem'
  readonly kind: ProblemKind
  /** What to do about it: a sentence. */
  readonly hint: string | undefined

  constructor(
    kind: ProblemKind,
    message: string,
    { hint, cause }: { readonly hint?: string | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, { cause })
    this.kind = kind
    this.hint = hint
  }
}
