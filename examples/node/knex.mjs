import knex from 'knex'
import { createCredentials } from 'portcullis/credentials'

const credentials = createCredentials()

// Knex keeps the settings until their expirationChecker says that they are too old.
export const db = knex({ client: 'pg', connection: credentials.connection })
