/** What every command of the client may be told. */
export interface ClientOptions {
  readonly profile?: string
  /** False by `--no-interaction`. */
  readonly interaction?: boolean
}
