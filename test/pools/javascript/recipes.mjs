// Two connections at once by each recipe.
const recipes = {
  pg: async () => {
    const { pool } = await import('./pg.mjs')
    const ask = async () =>
      (await pool.query('select session_user as me, pg_sleep(0.2)')).rows[0].me
    return [() => Promise.all([ask(), ask()]), () => pool.end()]
  },
  postgres: async () => {
    const { sql } = await import('./postgres.mjs')
    const ask = async () => (await sql`select session_user as me, pg_sleep(0.2)`)[0].me
    return [() => Promise.all([ask(), ask()]), () => sql.end()]
  },
  kysely: async () => {
    const { db } = await import('./kysely.mjs')
    const { sql } = await import('kysely')
    const ask = async () =>
      (await sql`select session_user as me, pg_sleep(0.2)`.execute(db)).rows[0].me
    return [() => Promise.all([ask(), ask()]), () => db.destroy()]
  },
  drizzle: async () => {
    const { db } = await import('./drizzle.mjs')
    const ask = async () =>
      (await db.execute('select session_user as me, pg_sleep(0.2)')).rows[0].me
    return [() => Promise.all([ask(), ask()]), () => db.$client.end()]
  },
  knex: async () => {
    const { db } = await import('./knex.mjs')
    const ask = async () => (await db.raw('select session_user as me, pg_sleep(0.2)')).rows[0].me
    return [() => Promise.all([ask(), ask()]), () => db.destroy()]
  },
  prisma: async () => {
    const { prisma } = await import('./prisma.mjs')
    const ask = async () =>
      (await prisma.$queryRawUnsafe('select session_user::text as me, pg_sleep(0.2)::text'))[0].me
    return [() => Promise.all([ask(), ask()]), () => prisma.$disconnect()]
  },
}

for (const [name, open] of Object.entries(recipes)) {
  const [askTwice, close] = await open()
  const users = await askTwice()
  console.log(JSON.stringify({ recipe: name, users }))
  await close()
}
process.exit(0)
