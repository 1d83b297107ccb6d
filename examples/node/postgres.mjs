import postgres from 'postgres'
import { createCredentials } from 'portcullis/credentials'

const credentials = createCredentials()
const { host, port, database, user, ssl } = await credentials.connection()

export const sql = postgres({
  host,
  port,
  database,
  user,
  ssl,
  pass: credentials.password,
  max: 20,
})
