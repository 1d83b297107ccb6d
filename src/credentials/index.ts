// `portcullis/credentials`: fresh tokens for programs.
export { CredentialProblem, type ProblemKind } from './problem.ts'
export type { Grant } from './grant.ts'
