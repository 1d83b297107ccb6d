import { PrismaPg } from '@prisma/adapter-pg'
import { Prisma, PrismaClient } from './generated/client.ts'
import {
  big,
  bigBytes,
  check,
  failureOf,
  freshTokens,
  Limit,
  parameterNames,
  parameters,
  passwords,
  refused,
  settings,
  step,
  version,
} from './steps.mjs'

function open(password = passwords.usual, max = 1) {
  const adapter = new PrismaPg({
    host: settings.host,
    port: settings.port,
    database: settings.database,
    user: settings.user,
    password,
    application_name: settings.application,
    ssl: { ca: settings.ca },
    connectionTimeoutMillis: 10_000,
    max,
  })
  return new PrismaClient({ adapter, errorFormat: 'minimal' })
}

async function using(prisma, work) {
  try {
    return await work(prisma)
  } finally {
    await prisma.$disconnect()
  }
}

const only = async (prisma, sql, ...values) =>
  Object.values((await prisma.$queryRawUnsafe(sql, ...values))[0])[0]

const connects = async (password) =>
  using(open(password), async (prisma) => {
    check((await only(prisma, 'select session_user::text')) === settings.user, 'another role')
    check((await prisma.order.count()) > 0, 'the model reads nothing')
  })

version(import.meta.url, '@prisma/client', '@prisma/adapter-pg', 'pg')

await step('connect', async () => connects(passwords.usual))

await step('parameters', async () =>
  using(open(), async (prisma) => {
    const values = []
    for (const name of parameterNames)
      values.push(await only(prisma, 'select current_setting($1)', name))
    return parameters(values)
  }),
)

await step('transaction', async () =>
  using(open(), async (prisma) => {
    const data = { customer: 'Prisma', item: 'rope', quantity: 1 }
    const before = await prisma.order.count()
    const { id } = await prisma.$transaction(async (transaction) =>
      transaction.order.create({ data }),
    )
    const failed = prisma.$transaction(async (transaction) => {
      await transaction.order.create({ data })
      throw new Error('roll back')
    })
    check((await failureOf(failed)).message === 'roll back', 'another error')
    check((await prisma.order.count()) === before + 1, 'commit or rollback did not hold')
    await prisma.order.delete({ where: { id } })
  }),
)

await step('error', async () =>
  using(open(), async (prisma) => {
    const error = await failureOf(prisma.$queryRaw`select 1/0`)
    check(error instanceof Prisma.PrismaClientKnownRequestError, error)
    const sqlstate = error.meta.driverAdapterError.cause.originalCode
    check(sqlstate === '22012', JSON.stringify(error.meta))
    check((await only(prisma, 'select 1::int')) === 1, 'the session is not usable')
    return `${error.code}, with the SQLSTATE in meta.driverAdapterError.cause.originalCode`
  }),
)

await step('copy', async () => {
  throw new Limit('Prisma has no COPY')
})

await step('large-result', async () =>
  using(open(), async (prisma) => {
    check((await only(prisma, big)).length === bigBytes, 'not the whole value')
  }),
)

await step('cancel', async () => {
  throw new Limit('Prisma cancels no statement')
})

await step('notify', async () => {
  throw new Limit('Prisma has no LISTEN')
})

await step('pipeline', async () => {
  throw new Limit('Prisma has no pipeline mode')
})

await step('large-token', async () => connects(passwords.large))

async function isRefused(password) {
  return using(open(password), async (prisma) => {
    const error = await failureOf(prisma.$queryRaw`select 1`)
    const cause = error.meta?.driverAdapterError?.cause
    const hint = cause?.hint === undefined ? '' : ` HINT: ${cause.hint}`
    return refused(cause?.originalCode, `${cause?.originalMessage ?? error.message}${hint}`)
  })
}

await step('wrong-token', async () => isRefused(passwords.wrong))
await step('expired-token', async () => isRefused(passwords.expired))

await step('fresh-token', async () => {
  const tokens = freshTokens()
  await using(open(tokens.next, 2), async (prisma) => {
    const pid = async (transaction) => only(transaction, 'select pg_backend_pid()')
    const pids = await prisma.$transaction(async (one) => [
      await pid(one),
      await prisma.$transaction(pid),
    ])
    check(new Set(pids).size === 2 && tokens.areUsed(), 'not two connections by two tokens')
  })
})
process.exit()
