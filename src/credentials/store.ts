import type { Grant } from './grant.ts'

/** What is kept of a profile. */
export interface Kept {
  /** What the flow gave out. */
  readonly grant: Grant
  /** What the gateway gave for it, where the profile wants that. */
  readonly session?: Grant | undefined
}

/** Where tokens are between two calls: the keyring of the system, or a file of the user alone. */
export interface TokenStore {
  /** Undefined where there is nothing, or nothing that can be read any more. */
  read(): Promise<Kept | undefined>
  write(kept: Kept): Promise<void>
  remove(): Promise<void>
  /** Runs something while no other process of this user does so for the same profile. */
  exclusively<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T>
}
