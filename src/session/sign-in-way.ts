import type { Pool } from '../policy/catalog.ts'
import { type Attempt } from './attempt.ts'
import type { Conversation } from './conversation.ts'
import type { Rules, SessionServices } from './services.ts'

export interface SignIn {
  readonly conversation: Conversation
  readonly attempt: Attempt
  readonly pool: Pool
  /** What is said of the protocol in front of everything else. */
  readonly greeting: Buffer
  readonly rules: Rules
  readonly services: SessionServices
}

/** One way for somebody to sign in, whichever flow it is. */
export interface SignInWay {
  readonly userCode: string
  readonly address: string
  /** How long the provider lets it go on. */
  readonly lifetimeMs: number
  /** The token, once somebody has signed in. */
  readonly token: (signal: AbortSignal) => Promise<string>
  /** Is told what came of it. */
  readonly admitted?: (role: string) => void
  readonly refused?: (error: unknown) => void
}
