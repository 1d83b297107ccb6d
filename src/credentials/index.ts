// `portcullis/credentials`: fresh tokens for programs. What it imports at once has to stay small.
export {
  createCredentials,
  type Credentials,
  type CredentialsOptions,
  type FreshToken,
} from './create-credentials.ts'
export type { DriverConnection } from './driver-connection.ts'
export type { InlineClient, InlineProfile, InlineSignIn, Secret } from './inline-profile.ts'
export { CredentialProblem, type ProblemKind } from './problem.ts'
export type { WorkloadIdentity } from './profile.ts'
