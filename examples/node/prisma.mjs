import { PrismaPg } from '@prisma/adapter-pg'
import { createCredentials } from 'portcullis/credentials'
import { PrismaClient } from './generated/client.ts'

const credentials = createCredentials()
const adapter = new PrismaPg({
  ...(await credentials.connection()),
  password: credentials.password,
})

export const prisma = new PrismaClient({ adapter })
