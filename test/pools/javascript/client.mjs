import { pool } from './pg.mjs'
import { load, tries } from './load.mjs'

pool.options.maxLifetimeSeconds = load.lifetimeSeconds
const { queries, failures } = await tries(async () => {
  const connection = await pool.connect()
  try {
    await connection.query('select pg_sleep($1)', [load.querySeconds])
  } catch (error) {
    connection.release(error)
    throw error
  }
  connection.release()
}, pool)
await pool.end()
console.log(JSON.stringify({ queries, failures }))
process.exit(0)
