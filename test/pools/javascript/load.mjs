export const load = {
  connections: 20,
  seconds: Number(process.env.POOLS_SECONDS),
  lifetimeSeconds: Number(process.env.POOLS_LIFETIME_SECONDS),
  querySeconds: Number(process.env.POOLS_QUERY_SECONDS),
}

/** As many workers as there are connections, for so long; and what failed, a query or a connection at rest. */
export async function tries(query, pool) {
  let queries = 0
  const failures = []
  pool.on('error', (error) => failures.push(error.message))
  const end = Date.now() + load.seconds * 1000
  const work = async () => {
    while (Date.now() < end) {
      try {
        await query()
        queries++
      } catch (error) {
        failures.push(error.message)
      }
    }
  }
  await Promise.all(Array.from({ length: load.connections }, work))
  return { queries, failures }
}
