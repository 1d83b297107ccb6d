/** What every command of the client may be told. */
export interface ClientOptions {
  readonly profile?: string
  /** False by `--no-interaction`. */
  readonly interaction?: boolean
}

export const tokenFormats = ['raw', 'json', 'env', 'pgpass', 'exec'] as const
export type TokenFormat = (typeof tokenFormats)[number]
