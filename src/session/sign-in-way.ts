/** One way for somebody to sign in, whichever flow it is. */
export interface SignInWay {
  readonly userCode: string
  readonly address: string
  /** Where whoever is signed in already may enter the code instead. */
  readonly devicePage?: string | undefined
  /** How long the provider lets it go on. */
  readonly lifetimeMs: number
  /** The token, once somebody has signed in. */
  readonly token: (signal: AbortSignal) => Promise<string>
  /** Is told what came of it. */
  readonly admitted?: (role: string) => void
  readonly refused?: (error: unknown) => void
}
