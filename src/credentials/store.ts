import type { Grant } from './grant.ts'

/** What is kept of a profile. */
export interface Kept {
  /** What the flow gave out. */
  readonly grant: Grant
  /** What the gateway gave for it, where the profile wants that. */
  readonly session?: Grant | undefined
  /** When something fresher was last asked for and did not come, so that not every process asks at once again. */
  readonly triedAt?: number | undefined
}

/** What one process at a time does. Nobody is asked anything while tokens are renewed. */
export type Errand = 'renewing' | 'signing-in'

export interface Turn<T> {
  readonly errand: Errand
  readonly run: () => Promise<T>
  /** Asked again and again while another process is at it: what makes a turn of our own needless. */
  readonly meanwhile: () => Promise<T | undefined>
  readonly patienceMs: number
  readonly signal: AbortSignal
}

/** Where tokens are between two calls: the keyring of the system, or a file of the user alone. */
export interface TokenStore {
  /** Undefined where there is nothing, or nothing that can be read any more. */
  read(): Promise<Kept | undefined>
  /** Only inside of a turn. On the disk when it returns. */
  write(kept: Kept): Promise<void>
  /** Whatever is kept under the name of the profile, also of what it said before. */
  remove(): Promise<void>
  /** Runs something while no other process of this user does so for the same profile. */
  exclusively<T>(turn: Turn<T>): Promise<T>
  /** For messages: what it is, and where. */
  describe(): Promise<string>
}
