import pg from 'pg'
import { createCredentials } from 'portcullis/credentials'

const credentials = createCredentials()

export const pool = new pg.Pool({
  ...(await credentials.connection()),
  // Called for each connection.
  password: credentials.password,
  max: 20,
})
