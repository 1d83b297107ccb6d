/** What `pg` and all that is built on it call the settings of one connection. */
export interface DriverConnection {
  readonly host: string
  readonly port: number
  readonly database?: string
  readonly user: string
  readonly password: string
  readonly ssl: { readonly rejectUnauthorized: true; readonly ca?: string }
  /** Knex asks it whether these settings are too old for another connection. */
  readonly expirationChecker: () => boolean
}
