import { demoUsers, type Users } from '../provider-configuration.ts'

/** Whom the provider of the tour knows. No rule of the configuration is about carol's group. */
export const people = {
  ...demoUsers,
  carol: {
    email: 'carol@example.com',
    email_verified: true,
    name: 'Carol Clerk',
    groups: ['marketing'],
  },
} as const satisfies Users

export const machine = 'm2m'
