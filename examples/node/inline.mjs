import { createCredentials } from 'portcullis/credentials'

export const credentials = createCredentials({
  profile: {
    host: 'db.example.com',
    database: 'sandbox',
    user: 'app_readonly',
    signIn: {
      flow: 'client_credentials',
      issuer: 'https://auth.example.com',
      clientId: 'nightly-report',
      clientSecret: { file: '/run/secrets/nightly-report' },
    },
  },
})
