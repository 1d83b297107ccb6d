// What a profile file says: snake_case there, camelCase here.
import { isAbsolute, join } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { CredentialProblem } from './problem.ts'
import type {
  Flow,
  GatewayEndpoint,
  Profile,
  ProviderClient,
  SecretReference,
  StoreKind,
  WorkloadIdentity,
} from './profile.ts'
import { Mapping, type Rule } from './read-mapping.ts'

const usualPort = 5432
const mostShown = 5
const flows = [
  ...(['browser', 'device', 'gateway', 'client_credentials', 'workload', 'command'] as const),
  'password',
] as const
const stores: readonly StoreKind[] = ['auto', 'keyring', 'file', 'none']
const uses = ['id_token', 'access_token'] as const
const workloads = ['file', 'env', 'github', 'google', 'azure'] as const

/** Throws a problem that says all that is wrong. Paths may begin with `~/`. */
export function parseProfile(
  text: string,
  { path, home }: { readonly path: string; readonly home: string },
): Profile {
  const problems: string[] = []
  const root = new Mapping(parseYaml(text, path), '', problems)
  const profile = readProfile(root, home)
  if (problems.length > 0) throw wrong(path, problems)
  return profile
}

function parseYaml(text: string, path: string): unknown {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    schema: 'core',
    stringKeys: true,
    // Its own messages quote the file, and somebody may have put a secret there.
    prettyErrors: false,
    logLevel: 'error',
  })
  const [error] = document.errors
  if (error !== undefined) {
    const { line } = lines.linePos(error.pos[0])
    const what = error.code === 'DUPLICATE_KEY' ? 'a key is there twice' : 'it is no valid YAML'
    throw wrong(path, [`line ${line}: ${what}`])
  }
  try {
    return document.toJS({ maxAliasCount: 20 })
  } catch {
    throw wrong(path, ['an alias leads nowhere, or there are too many'])
  }
}

function wrong(path: string, problems: readonly string[]): CredentialProblem {
  const more = problems.length - mostShown
  const shown = problems.slice(0, mostShown).join('; ')
  return new CredentialProblem(
    'configuration',
    `the profile ${path} is wrong: ${shown}${more > 0 ? `; and ${more} more` : ''}`,
    { hint: 'Change the file, or sign in with `portcullis login`, which writes another.' },
  )
}

function readProfile(root: Mapping, home: string): Profile {
  const profile: Profile = {
    gateway: withoutSlash(root.text('gateway', aboutAddress)),
    endpoints: root.mappings('endpoints').map(readEndpoint),
    database: root.text('database'),
    user: root.text('user'),
    caFile: path(root, 'ca_file', home),
    session: root.flag('session') ?? false,
    store: root.choice('store', stores) ?? 'auto',
    signIn: readFlow(root.requiredMapping('sign_in'), home),
  }
  root.end()
  if (!root.has('gateway') && (profile.session || profile.signIn.flow === 'gateway')) {
    const key = profile.session ? 'session: true' : 'sign_in.flow: gateway'
    root.report('gateway', `is required by ${key}: the https address of the gateway's pages`)
  }
  return profile
}

function readEndpoint(mapping: Mapping): GatewayEndpoint {
  const endpoint = {
    host: mapping.requiredText('host', aboutHost),
    port: mapping.port('port') ?? usualPort,
  }
  mapping.end()
  return endpoint
}

function readFlow(mapping: Mapping, home: string): Flow {
  const flow = mapping.requiredChoice('flow', flows)
  // Nothing is known of its other keys then.
  if (flow === undefined) return { flow: 'gateway' }
  const read = readFlowOf(flow, mapping, home)
  mapping.end()
  return read
}

function readFlowOf(flow: Flow['flow'], mapping: Mapping, home: string): Flow {
  switch (flow) {
    case 'browser': {
      const client = readClient(mapping, home, { scopes: ['openid'], use: 'id_token' })
      return { flow, redirectUri: mapping.text('redirect_uri', aboutLoopback), ...client }
    }
    case 'device':
      return { flow, ...readClient(mapping, home, { scopes: ['openid'], use: 'id_token' }) }
    case 'gateway':
      return { flow, integration: mapping.text('integration') }
    case 'client_credentials': {
      const client = readClient(mapping, home, { scopes: [], use: 'access_token' })
      if (client.clientSecret === undefined && !mapping.has('client_secret')) {
        mapping.report('client_secret', `is required by flow: ${flow}: ${secretRule}`)
      }
      if (client.use === 'id_token') {
        mapping.report('use', `must be access_token: flow ${flow} gives out no ID token`)
      }
      return { flow, ...client }
    }
    case 'password': {
      const username = mapping.requiredText('username')
      if (!mapping.has('password')) mapping.report('password', `is required: ${secretRule}`)
      return {
        flow,
        username,
        password: secret(mapping, 'password', home) ?? { kind: 'file', path: '' },
        ...readClient(mapping, home, { scopes: ['openid'], use: 'id_token' }),
      }
    }
    case 'workload': {
      const identity = mapping.requiredMapping('identity')
      return { flow, identity: readWorkload(identity, home) }
    }
    case 'command': {
      const [program, ...args] = mapping.requiredTexts('command')
      if (program === undefined && mapping.has('command')) {
        mapping.report('command', 'must be a list of a program and its arguments')
      }
      return { flow, command: [program ?? '', ...args] }
    }
  }
}

function readClient(
  mapping: Mapping,
  home: string,
  usual: { readonly scopes: readonly string[]; readonly use: ProviderClient['use'] },
): ProviderClient {
  return {
    issuer: mapping.requiredText('issuer', aboutAddress),
    clientId: mapping.requiredText('client_id'),
    clientSecret: secret(mapping, 'client_secret', home),
    scopes: mapping.texts('scopes') ?? usual.scopes,
    audience: mapping.text('audience'),
    use: mapping.choice('use', uses) ?? usual.use,
  }
}

function readWorkload(mapping: Mapping, home: string): WorkloadIdentity {
  const identity = readWorkloadOf(mapping.requiredChoice('kind', workloads), mapping, home)
  if (identity !== undefined) mapping.end()
  return identity ?? { kind: 'github' }
}

function readWorkloadOf(
  kind: (typeof workloads)[number] | undefined,
  mapping: Mapping,
  home: string,
): WorkloadIdentity | undefined {
  switch (kind) {
    case 'file':
      return { kind, path: expanded(mapping.requiredText('path', aboutPath), home) }
    case 'env':
      return { kind: 'environment', name: mapping.requiredText('name', aboutVariable) }
    case 'github':
      return { kind, audience: mapping.text('audience') }
    case 'google':
      return { kind, audience: mapping.requiredText('audience') }
    case 'azure':
      return {
        kind,
        resource: mapping.requiredText('resource'),
        clientId: mapping.text('client_id'),
      }
    case undefined:
      return undefined
  }
}

const secretRule =
  'give { file: /its/path } or { env: NAME_OF_A_VARIABLE }, since no secret is kept in a profile'

function secret(mapping: Mapping, key: string, home: string): SecretReference | undefined {
  if (!mapping.has(key)) {
    mapping.text(key)
    return undefined
  }
  const noted: string[] = []
  const reference = new Mapping(mapping.any(key), '', noted)
  const [file, name] = [reference.text('file', aboutPath), reference.text('env', aboutVariable)]
  reference.end()
  if (noted.length === 0 && file !== undefined && name === undefined) {
    return { kind: 'file', path: expanded(file, home) }
  }
  if (noted.length === 0 && name !== undefined && file === undefined) {
    return { kind: 'environment', name }
  }
  mapping.report(key, `is not where a secret is found: ${secretRule}`)
  return undefined
}

function path(mapping: Mapping, key: string, home: string): string | undefined {
  const written = mapping.text(key, aboutPath)
  return written === undefined ? undefined : expanded(written, home)
}

function expanded(written: string, home: string): string {
  return written.startsWith('~/') ? join(home, written.slice(2)) : written
}

const aboutPath: Rule = (value) =>
  isAbsolute(value) || value.startsWith('~/')
    ? undefined
    : 'must be an absolute path, or begin with ~/'

const aboutHost: Rule = (value) =>
  /^[^\s/@,?#]+$/.test(value) ? undefined : 'must be the name or the address of a host'

const aboutVariable: Rule = (value) =>
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(value) ? undefined : 'must be the name of a variable'

const aboutAddress: Rule = (value) => {
  const rule = 'must be an https URL with neither a password, a query nor a fragment'
  if (!URL.canParse(value)) return rule
  const { protocol, username, password } = new URL(value)
  const isPlain = username === '' && password === '' && !/[?#]/.test(value)
  return protocol === 'https:' && isPlain ? undefined : rule
}

const aboutLoopback: Rule = (value) =>
  /^http:\/\/(?:127\.0\.0\.1|localhost)(?=[:/]|$)/.test(value)
    ? undefined
    : 'must be http://127.0.0.1 or http://localhost, perhaps with a port and a path'

function withoutSlash(address: string | undefined): string | undefined {
  return address?.replace(/\/+$/, '')
}
