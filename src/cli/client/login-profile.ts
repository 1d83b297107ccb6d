// From the options of `portcullis login` to a profile, or to what has to be said differently.
import { resolve } from 'node:path'
import type { KnownGateway as Discovered } from '../../credentials/choose-gateway.ts'
import { CredentialProblem } from '../../credentials/problem.ts'
import type {
  Flow,
  GatewayEndpoint,
  Profile,
  ProviderClient,
  SecretReference,
  WorkloadIdentity,
} from '../../credentials/profile.ts'
import { printable } from '../../refusal.ts'
import type { FlowName, LoginOptions } from './login-options.ts'

/** What is known of the gateway, where one was named. */
export type KnownGateway = Pick<
  Discovered,
  'url' | 'endpoints' | 'hasSessions' | 'client' | 'issuer' | 'integration'
>

const defaultPort = 5432
const scopesOfPeople = ['openid', 'email', 'profile', 'offline_access']
/** Kubernetes puts it there where the volume is projected with an audience of its own. */
const kubernetesFile = '/var/run/secrets/tokens/portcullis'
const gitlabVariable = 'PORTCULLIS_ID_TOKEN'

export function toProfile(
  options: LoginOptions,
  gateway: KnownGateway | undefined,
  { hasBrowser }: { readonly hasBrowser: boolean },
): Profile {
  const flow = chooseFlow(options, gateway, hasBrowser)
  refuseContradictions(options, flow, gateway)
  return {
    ...(gateway !== undefined && { gateway: gateway.url }),
    endpoints: endpointsOf(options, gateway),
    database: options.database,
    user: options.user,
    caFile: absolute(options.caFile),
    session: flow !== 'gateway' && (options.session ?? gateway?.hasSessions ?? false),
    store: options.store ?? 'auto',
    signIn: toSignIn(flow, options, gateway),
  }
}

/** What of a profile can be said anew without saying all of it. */
export function changeProfile(profile: Profile, options: LoginOptions): Profile {
  return {
    ...profile,
    ...(options.database !== undefined && { database: options.database }),
    ...(options.user !== undefined && { user: options.user }),
    ...(options.session !== undefined && { session: options.session }),
    ...(options.store !== undefined && { store: options.store }),
    ...(options.caFile !== undefined && { caFile: absolute(options.caFile) }),
    ...(options.host !== undefined && { endpoints: endpointsOf(options, undefined) }),
  }
}

/** Whether it is said where tokens are to come from, and not only how to go on with a profile. */
export function saysSource(options: LoginOptions): boolean {
  const { flow, issuer, clientId, command, workload, username, integration, pool } = options
  return [flow, issuer, clientId, command, workload, username, integration, pool].some(
    (value) => value !== undefined,
  )
}

function chooseFlow(
  { flow, command, workload, username, browser, clientSecretFile, clientSecretEnv }: LoginOptions,
  gateway: KnownGateway | undefined,
  hasBrowser: boolean,
): FlowName {
  if (flow !== undefined) return flow
  if (command !== undefined) return 'command'
  if (workload !== undefined) return 'workload'
  if (username !== undefined) return 'password'
  if (clientSecretFile !== undefined || clientSecretEnv !== undefined) return 'client_credentials'
  if (gateway !== undefined && gateway.client === undefined) return 'gateway'
  return browser !== false && hasBrowser ? 'browser' : 'device'
}

const ofProvider: readonly FlowName[] = ['browser', 'device', 'client_credentials', 'password']

/** Each option with the flows that it is for. */
const optionsOfFlows: readonly (readonly [keyof LoginOptions, string, readonly FlowName[]])[] = [
  ['issuer', '--issuer', ofProvider],
  ['clientId', '--client-id', ofProvider],
  ['clientSecretFile', '--client-secret-file', ofProvider],
  ['clientSecretEnv', '--client-secret-env', ofProvider],
  ['scope', '--scope', ofProvider],
  ['audience', '--audience', [...ofProvider, 'workload']],
  ['accessToken', '--access-token', ofProvider],
  ['username', '--username', ['password']],
  ['passwordFile', '--password-file', ['password']],
  ['passwordEnv', '--password-env', ['password']],
  ['allowDeprecatedPasswordGrant', '--allow-deprecated-password-grant', ['password']],
  ['workload', '--workload', ['workload']],
  ['tokenFile', '--token-file', ['workload']],
  ['tokenEnv', '--token-env', ['workload']],
  ['command', '--command', ['command']],
]

function refuseContradictions(
  options: LoginOptions,
  flow: FlowName,
  gateway: KnownGateway | undefined,
): void {
  for (const [key, name, flows] of optionsOfFlows) {
    if (options[key] === undefined || flows.includes(flow)) continue
    throw misused(
      `${name} is of no use for the flow ${flow}`,
      `Leave it out, or use --flow ${flows.join(' or --flow ')}.`,
    )
  }
  const pairs = [
    ['clientSecretFile', '--client-secret-file', 'clientSecretEnv', '--client-secret-env'],
    ['passwordFile', '--password-file', 'passwordEnv', '--password-env'],
    ['tokenFile', '--token-file', 'tokenEnv', '--token-env'],
  ] as const
  for (const [one, oneName, other, otherName] of pairs) {
    if (options[one] === undefined || options[other] === undefined) continue
    throw misused(`${oneName} and ${otherName} say the same thing twice`, 'Leave one of them out.')
  }
  if (options.browser === false && options.flow === 'browser') {
    throw misused('--no-browser and --flow browser contradict each other', 'Leave one of them out.')
  }
  if (options.port !== undefined && options.host === undefined) {
    throw misused('--port says nothing without --host', 'Add --host <host>.')
  }
  if (gateway === undefined) refuseWithoutGateway(options, flow)
  else if (!gateway.hasSessions) refuseWithoutSessions(options, flow, gateway)
}

function refuseWithoutSessions(
  { session }: LoginOptions,
  flow: FlowName,
  { integration }: KnownGateway,
): void {
  if (flow === 'gateway') {
    throw new CredentialProblem(
      'configuration',
      `the client of the integration ${printable(integration)} has a secret, and the gateway gives out no session tokens`,
      {
        hint: 'Whoever runs it has to allow web.session_tokens, or add an integration with a public client. With a client of your own: --issuer and --client-id.',
      },
    )
  }
  if (session !== true) return
  throw misused('the gateway gives out no session tokens', 'Leave --session out.')
}

function refuseWithoutGateway(options: LoginOptions, flow: FlowName): void {
  const needed =
    flow === 'gateway'
      ? '--flow gateway'
      : options.session === true
        ? '--session'
        : options.integration !== undefined
          ? '--integration'
          : options.pool !== undefined
            ? '--pool'
            : undefined
  if (needed === undefined) return
  throw misused(
    `${needed} needs a gateway`,
    'Say which one: portcullis login db.example.com, or its https address.',
  )
}

function toSignIn(flow: FlowName, options: LoginOptions, gateway: KnownGateway | undefined): Flow {
  switch (flow) {
    case 'command': {
      const [program, ...args] = options.command ?? []
      if (program === undefined || program === '') {
        throw misused(
          'a flow by a command needs one',
          'Add --command <program> [arguments...] as the last option.',
        )
      }
      return { flow, command: [program, ...args] }
    }
    case 'workload':
      return { flow, identity: toIdentity(options) }
    case 'gateway':
      return { flow, integration: options.integration ?? gateway?.integration }
    case 'browser':
    case 'device':
      return { flow, ...toClient(options, gateway, scopesOfPeople) }
    case 'client_credentials': {
      const client = toClient(options, gateway, [])
      if (client.clientSecret === undefined) {
        throw misused(
          'client credentials need a secret',
          'Add --client-secret-file <file> or --client-secret-env <name>.',
        )
      }
      return { flow, ...client, use: 'access_token' }
    }
    case 'password':
      return toPasswordGrant(options, gateway)
  }
}

function toPasswordGrant(options: LoginOptions, gateway: KnownGateway | undefined): Flow {
  if (options.allowDeprecatedPasswordGrant !== true) {
    throw misused(
      'the password grant is deprecated: whoever runs it sees the password, and no second factor is asked for',
      'Sign in with a browser or on another device; if there is no other way, add --allow-deprecated-password-grant.',
    )
  }
  const password = toSecret(options.passwordFile, options.passwordEnv)
  if (options.username === undefined || password === undefined) {
    throw misused(
      'the password grant needs a user name and a password',
      'Add --username <name>, and --password-file <file> or --password-env <name>.',
    )
  }
  const client = toClient(options, gateway, scopesOfPeople)
  return { flow: 'password', username: options.username, password, ...client }
}

/** Ours at the provider: the one that the gateway tells everybody to be, unless somebody has one of their own. */
function toClient(
  options: LoginOptions,
  gateway: KnownGateway | undefined,
  scopes: readonly string[],
): ProviderClient {
  const issuer = options.issuer ?? gateway?.issuer
  const told = gateway?.client?.issuer === issuer ? gateway?.client : undefined
  const clientId = options.clientId ?? told?.clientId
  if (issuer === undefined) {
    throw misused(
      'there is no identity provider to ask for tokens',
      'Name a gateway, as in portcullis login db.example.com, or add --issuer <url> and --client-id <id>.',
    )
  }
  if (clientId === undefined) {
    throw misused(
      'there is no client of the identity provider to be',
      gateway === undefined
        ? 'Add --client-id <id>.'
        : 'Add --client-id <id>, or have the gateway sign you in with --flow gateway.',
    )
  }
  return {
    issuer,
    clientId,
    clientSecret: toSecret(options.clientSecretFile, options.clientSecretEnv),
    scopes: options.scope ?? (options.clientId === undefined ? told?.scopes : undefined) ?? scopes,
    audience: options.audience,
    use: options.accessToken === true ? 'access_token' : 'id_token',
  }
}

function toIdentity({ workload, tokenFile, tokenEnv, audience }: LoginOptions): WorkloadIdentity {
  if (workload === undefined) {
    throw misused('a workload has an identity of some kind', 'Add --workload <kind>.')
  }
  switch (workload) {
    case 'kubernetes':
      return { kind: 'file', path: absolute(tokenFile) ?? kubernetesFile }
    case 'file':
      if (tokenFile === undefined) throw misused('there is no file', 'Add --token-file <file>.')
      return { kind: 'file', path: resolve(tokenFile) }
    case 'gitlab':
      return { kind: 'environment', name: tokenEnv ?? gitlabVariable }
    case 'env':
      if (tokenEnv === undefined) throw misused('there is no variable', 'Add --token-env <name>.')
      return { kind: 'environment', name: tokenEnv }
    case 'github':
      return { kind: 'github', audience }
    case 'google':
      return { kind: 'google', audience: wanted(audience, 'Google') }
    case 'azure':
      return { kind: 'azure', resource: wanted(audience, 'Azure') }
  }
}

function wanted(audience: string | undefined, where: string): string {
  if (audience !== undefined) return audience
  throw misused(
    `${where} gives out tokens for somebody alone`,
    'Add --audience <audience>, one that the gateway takes (additional_audiences).',
  )
}

function endpointsOf(
  { host = [], port = defaultPort }: LoginOptions,
  gateway: KnownGateway | undefined,
): readonly GatewayEndpoint[] {
  if (host.length === 0) return gateway?.endpoints ?? []
  return host.map((one) => ({ host: one, port }))
}

function toSecret(
  file: string | undefined,
  variable: string | undefined,
): SecretReference | undefined {
  if (file !== undefined) return { kind: 'file', path: resolve(file) }
  return variable === undefined ? undefined : { kind: 'environment', name: variable }
}

function absolute(path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(path)
}

function misused(message: string, hint: string): CredentialProblem {
  return new CredentialProblem('usage', message, { hint })
}
