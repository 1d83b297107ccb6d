// Profiles of programs: no file, nobody to sign in, and nothing kept beyond the process.
import type { Profile, SecretReference, WorkloadIdentity } from './profile.ts'
import { CredentialProblem } from './problem.ts'

/** Where a secret comes from whenever it is needed: a function, a file, or a variable of the environment. */
export type Secret =
  (() => string | Promise<string>) | { readonly file: string } | { readonly env: string }

/** The program as a client of the identity provider. */
export interface InlineClient {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret?: Secret | undefined
  readonly scopes?: readonly string[] | undefined
  /** For whom access tokens are to be, where the provider has to be told. */
  readonly audience?: string | undefined
  /** Which of the tokens is the password. */
  readonly use?: 'id_token' | 'access_token' | undefined
}

export type InlineSignIn =
  | ({ readonly flow: 'client_credentials'; readonly clientSecret: Secret } & InlineClient)
  | { readonly flow: 'workload'; readonly identity: WorkloadIdentity }
  /** A program that prints a token, or JSON with `token` and `expires_at`; run without a shell. */
  | { readonly flow: 'command'; readonly command: readonly [string, ...string[]] }
  /** Deprecated by OAuth itself (RFC 9700, 2.4): for those who cannot do otherwise yet. */
  | ({
      readonly flow: 'password'
      readonly username: string
      readonly password: Secret
    } & InlineClient)

/** What a file of profiles says otherwise. */
export interface InlineProfile {
  readonly signIn: InlineSignIn
  /** Where the gateway is; tokens can be had without. */
  readonly host?: string | undefined
  /** 5432 where it is left out. */
  readonly port?: number | undefined
  readonly database?: string | undefined
  readonly user?: string | undefined
  /** The authorities that certificates of gateway and provider are trusted from (PEM); else those of Node. */
  readonly caFile?: string | undefined
  /** The pages of the gateway, an https URL: needed for `session`. */
  readonly gateway?: string | undefined
  /** Whether the token of the provider is exchanged for the compact one of the gateway. */
  readonly session?: boolean | undefined
}

const usualPort = 5432
const personalScopes = ['openid', 'email', 'profile', 'offline_access']

export function readInlineProfile(inline: InlineProfile): Profile {
  const { host, port = usualPort, gateway, session = false } = inline
  if (session && gateway === undefined)
    throw new CredentialProblem('configuration', 'session tokens need the address of the gateway', {
      hint: 'Add gateway, an https URL, or leave session out.',
    })
  return {
    gateway: gateway?.replace(/\/+$/, ''),
    endpoints: host === undefined ? [] : [{ host, port }],
    database: inline.database,
    user: inline.user,
    caFile: inline.caFile,
    session,
    store: 'none',
    signIn: readSignIn(inline.signIn),
  }
}

function readSignIn(signIn: InlineSignIn): Profile['signIn'] {
  switch (signIn.flow) {
    case 'workload':
    case 'command':
      return signIn
    case 'client_credentials':
      return {
        ...signIn,
        clientSecret: referenceTo(signIn.clientSecret),
        scopes: signIn.scopes ?? [],
        use: signIn.use ?? 'access_token',
      }
    case 'password':
      return {
        ...signIn,
        clientSecret: signIn.clientSecret && referenceTo(signIn.clientSecret),
        password: referenceTo(signIn.password),
        scopes: signIn.scopes ?? personalScopes,
        use: signIn.use ?? 'id_token',
      }
    default:
      throw new CredentialProblem('configuration', 'a program has no such flow to sign in by', {
        hint: 'There are client_credentials, workload, command and password; people sign in with portcullis login.',
      })
  }
}

function referenceTo(secret: Secret): SecretReference {
  if (typeof secret === 'function') return { kind: 'program', read: secret }
  return 'file' in secret
    ? { kind: 'file', path: secret.file }
    : { kind: 'environment', name: secret.env }
}
