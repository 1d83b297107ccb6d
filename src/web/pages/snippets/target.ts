/** Where a client is to connect, and as whom. */
export interface Target {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  /** A session token, or what stands for one. */
  readonly password: string
  /** The file of the authority that signed the certificate of the server; undefined: one that the system knows. */
  readonly authority: string | undefined
  /** By which the command of clients knows the way: the address of the pages, without what is usual in it. */
  readonly gateway: string
  readonly pool: string
}
