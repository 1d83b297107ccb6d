import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { createCredentials } from 'portcullis/credentials'

const credentials = createCredentials()
const pool = new pg.Pool({
  ...(await credentials.connection()),
  password: credentials.password,
})

export const db = new Kysely({ dialect: new PostgresDialect({ pool }) })
