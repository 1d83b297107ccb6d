import { pool } from './pg.mjs'
import { load, tries } from './load.mjs'

// Each lives for another while, or all would end at once.
const nextLifetime = () => {
  pool.options.maxLifetimeSeconds = load.lifetimeSeconds * (0.5 + Math.random())
}
nextLifetime()
pool.on('connect', nextLifetime)

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
