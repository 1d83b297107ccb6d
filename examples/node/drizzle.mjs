import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { createCredentials } from 'portcullis/credentials'

const credentials = createCredentials()
const pool = new pg.Pool({
  ...(await credentials.connection()),
  password: credentials.password,
})

export const db = drizzle({ client: pool })
