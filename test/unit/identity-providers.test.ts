// The recipes of docs/identity-providers.md, as they stand there: each loads, and tokens as the providers' documents
// show them log in by it, or do not.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority } from '../../demo/certificates.ts'
import { readConfig } from '../../src/cli/read-config.ts'
import type { Explanation } from '../../src/cli/explanation.ts'
import type { Config } from '../../src/config/index.ts'
import { inspect } from '../../src/inspection/inspect.ts'
import { replayLogin } from '../../src/replay-login.ts'
import { parse, stringify } from 'yaml'
import { type Json, now, nowSeconds, signingKey, signToken, toJwk } from './identity/tokens.ts'

const page = readFileSync('docs/identity-providers.md', 'utf8')
const key = signingKey('one', 'RSA')
const ecKey = signingKey('two', 'P-384')
const audience = 'https://db.example.com'

let folder: string

beforeAll(async () => {
  const made = await createAuthority('the test')
  const server = await made.issue({ commonName: 'server' })
  folder = await mkdtemp(join(tmpdir(), 'portcullis-recipes-'))
  const files = {
    'ca.crt': made.certificate,
    'server.crt': server.certificate,
    'server.key': server.key,
  }
  await Promise.all(
    Object.entries(files).map(async ([name, content]) => writeFile(join(folder, name), content)),
  )
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

interface Block {
  readonly integrations: Readonly<Record<string, Json>>
  readonly identity_map?: string
}

/** The block of each section that has one. */
const recipes: ReadonlyMap<string, Block> = new Map(
  page
    .split(/^## /m)
    .map((section) => [section.split('\n')[0] ?? '', /^```yaml\n(.*?)^```$/ms.exec(section)?.[1]])
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([name, text]) => [name, parse(text) as Block]),
)

/** A whole configuration around a block; `keys` in place of where it finds those of its issuers. */
function configure(block: Block, keys?: object): Config {
  const integrations = Object.entries(block.integrations).map(([name, integration]) => {
    if (keys === undefined) return [name, integration]
    const local = { jwks: keys, jwks_uri: undefined, jwks_bearer_token_file: undefined }
    return [name, { ...integration, ...local }]
  })
  const names = Object.keys(block.integrations)
  const whole = {
    node: 'gw0',
    tls: { certificate: 'server.crt', key: 'server.key' },
    groups: { readonly: { role: 'app_readonly' }, readwrite: { role: 'app_readwrite', rank: 10 } },
    ...block,
    integrations: Object.fromEntries(integrations) as Record<string, unknown>,
    databases: {
      system: { integrations: names, primary: names[0] },
      sandbox: { upstream: { host: 'db.internal', auth: { method: 'password', passwords: {} } } },
    },
    connectivity_pools: {
      main: { participants: [{ node: 'gw0', listen_address: '127.0.0.1', listen_port: 6432 }] },
    },
  }
  const text = stringify(whole)
    .replaceAll(/\$\{file:[^}]*\}/g, 'a secret')
    .replaceAll(/custom_ca: \S+/g, 'custom_ca: ca.crt')
    .replaceAll(/jwks_bearer_token_file: \S+/g, 'jwks_bearer_token_file: ca.crt')
  return readConfig(join(folder, 'portcullis.yaml'), text).config
}

test.each([...recipes.keys()])('the recipe for %s is a configuration', async (name) => {
  const block = recipes.get(name)!
  const findings = await inspect(configure(block), { isOffline: true })
  const amiss = findings.filter(({ verdict }) => verdict === 'problem')
  expect(amiss).toEqual([])
})

/** What stands for its issuer in a block, with one of its integrations. */
interface Documented {
  readonly recipe: string
  readonly token: string
  readonly integration: string
  readonly claims: Json
  readonly header?: Json
  readonly user?: string
  readonly principal: string
  readonly role: string
  /** What must not get in: what is other than above, and the reason. */
  readonly refused: readonly (readonly [what: string, changes: Json, reason: string])[]
}

const documented: readonly Documented[] = [
  {
    recipe: 'Keycloak',
    token: 'an access token of a service account',
    integration: 'machines',
    claims: {
      ...{ aud: ['portcullis-web', audience, 'account'], typ: 'Bearer', azp: 'batch', acr: '1' },
      ...{ sub: '16737edd-87a5-4874-8be9-36fd4d859584', scope: 'email profile' },
      ...{ preferred_username: 'service-account-batch', client_id: 'batch' },
    },
    principal: '16737edd-87a5-4874-8be9-36fd4d859584',
    role: 'app_readonly',
    refused: [
      ['of another client', { azp: 'other', client_id: 'other' }, 'token-authorized-party'],
      ['without the audience mapper', { aud: 'account' }, 'token-audience'],
      ['for refreshing', { typ: 'Refresh' }, 'token-type'],
    ],
  },
  {
    recipe: 'Dex',
    token: 'an ID token',
    integration: 'people',
    claims: {
      ...{ sub: 'CgcyMzQyNzQ5EgZnaXRodWI', aud: 'portcullis-cli', at_hash: 'AAAA' },
      ...{ email: 'jane@example.com', email_verified: true, groups: ['authors'], name: 'jane' },
    },
    header: { typ: undefined },
    principal: 'jane@example.com',
    role: 'app_readwrite',
    refused: [
      ['with an address that nobody checked', { email_verified: false }, 'token-claim'],
      ['of another client', { aud: 'example-app' }, 'token-audience'],
    ],
  },
  {
    recipe: 'Okta',
    token: 'an access token of a custom authorization server',
    integration: 'people',
    claims: {
      ...{ ver: 1, jti: 'AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE' },
      ...{ aud: 'api://default', cid: 'CLIENT_ID', uid: '00u9o1nikjvOBg5Zo0h7' },
      ...{ sub: 'jane@example.com', scp: ['openid', 'email'], auth_time: nowSeconds - 60 },
      ...{ groups: ['Everyone', 'db-writers'] },
    },
    header: { typ: undefined },
    principal: 'jane@example.com',
    role: 'app_readwrite',
    refused: [
      ['of another client', { cid: 'OTHER' }, 'token-authorized-party'],
      ['for another server', { aud: 'api://other' }, 'token-audience'],
      ['in no group', { groups: ['Everyone'] }, 'no-group'],
    ],
  },
  {
    recipe: 'Okta',
    token: 'an access token of a program',
    integration: 'machines',
    claims: {
      ...{ ver: 1, aud: 'api://default', cid: 'SERVICE_CLIENT_ID', sub: 'SERVICE_CLIENT_ID' },
      ...{ scp: ['connect'], jti: 'AT.x' },
    },
    principal: 'SERVICE_CLIENT_ID',
    role: 'app_readonly',
    refused: [],
  },
  {
    recipe: 'Auth0',
    token: 'an ID token with groups of an Action',
    integration: 'people',
    claims: {
      ...{ iss: 'https://TENANT.auth0.com/', sub: 'auth0|5f7c8ec7c33c6c004bbafe82' },
      ...{ aud: 'CLIENT_ID', sid: 'x', 'https://example.com/groups': ['readwrite-role'] },
    },
    principal: 'auth0|5f7c8ec7c33c6c004bbafe82',
    role: 'app_readwrite',
    refused: [['of another application', { aud: 'OTHER' }, 'token-audience']],
  },
  {
    recipe: 'Auth0',
    token: 'an access token of a program',
    integration: 'machines',
    claims: {
      ...{ iss: 'https://TENANT.auth0.com/', sub: 'M2M_CLIENT_ID@clients', aud: audience },
      ...{ azp: 'M2M_CLIENT_ID', gty: 'client-credentials', scope: 'connect' },
    },
    principal: 'M2M_CLIENT_ID@clients',
    role: 'app_readonly',
    refused: [
      ['for the management API', { aud: 'https://TENANT.auth0.com/api/v2/' }, 'token-audience'],
    ],
  },
  {
    recipe: 'Entra ID',
    token: 'an ID token of version 2',
    integration: 'people',
    claims: {
      ...{ ver: '2.0', aud: 'APPLICATION_ID', sub: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ' },
      ...{ oid: '00000000-0000-0000-66f3-3332eca7ea81', tid: 'TENANT', nonce: '123523', aio: 'x' },
      ...{ preferred_username: 'jane@example.com', roles: ['Database.Write'], uti: 'x', rh: 'x' },
    },
    principal: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ',
    role: 'app_readwrite',
    refused: [
      [
        'of another directory',
        { iss: 'https://login.microsoftonline.com/OTHER/v2.0' },
        'token-issuer',
      ],
      ['of version 1', { iss: 'https://sts.windows.net/TENANT/' }, 'token-issuer'],
    ],
  },
  {
    recipe: 'Entra ID',
    token: 'an access token of version 2, of a person',
    integration: 'people',
    claims: {
      ...{ ver: '2.0', aud: 'api://APPLICATION_ID', azp: 'APPLICATION_ID', azpacr: '0' },
      ...{ scp: 'access', sub: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ', tid: 'TENANT' },
      ...{ roles: ['Database.Read'] },
    },
    principal: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ',
    role: 'app_readonly',
    refused: [['by another application', { azp: 'OTHER' }, 'token-authorized-party']],
  },
  {
    recipe: 'Entra ID',
    token: 'an access token of version 1, of a program',
    integration: 'version_1',
    claims: {
      ...{
        ver: '1.0',
        aud: 'api://APPLICATION_ID',
        appid: 'CALLING_APPLICATION_ID',
        appidacr: '1',
      },
      ...{ idp: 'https://sts.windows.net/TENANT/', oid: 'o', sub: 'o', tid: 'TENANT' },
      ...{ roles: ['Database.Read'], idtyp: 'app' },
    },
    principal: 'o',
    role: 'app_readonly',
    refused: [
      ['of another application', { appid: 'OTHER' }, 'token-authorized-party'],
      ['without the slash', { iss: 'https://sts.windows.net/TENANT' }, 'token-issuer'],
    ],
  },
  {
    recipe: 'Google',
    token: 'an ID token',
    integration: 'people',
    claims: {
      ...{
        aud: 'CLIENT_ID.apps.googleusercontent.com',
        azp: 'CLIENT_ID.apps.googleusercontent.com',
      },
      ...{ sub: '10769150350006150715113082367', at_hash: 'HK6E_P6Dh8Y93mRNtsDB1Q' },
      ...{ hd: 'example.com', email: 'jane@example.com', email_verified: true },
    },
    user: 'jane',
    principal: 'jane@example.com',
    role: 'jane',
    refused: [
      ['of an account without organization', { hd: undefined }, 'token-claim'],
      ['of another organization', { hd: 'example.org' }, 'token-claim'],
      ['with an address that nobody checked', { email_verified: false }, 'token-claim'],
      ['of somebody else', { email: 'bob@example.com' }, 'role-not-allowed'],
    ],
  },
  {
    recipe: 'Zitadel',
    token: 'an ID token',
    integration: 'people',
    claims: {
      ...{ aud: ['CLIENT_ID', '69234237810729019'], azp: 'CLIENT_ID', client_id: 'CLIENT_ID' },
      ...{ sub: '77776025198584418', preferred_username: 'jane@example.com', amr: ['pwd'] },
      'urn:zitadel:iam:org:project:roles': { writer: { '223279178066165913': 'example.com' } },
    },
    principal: 'jane@example.com',
    role: 'app_readwrite',
    refused: [
      [
        'of another application of the project',
        { azp: 'O', client_id: 'O' },
        'token-authorized-party',
      ],
      ['with a role nowhere', { 'urn:zitadel:iam:org:project:roles': { writer: {} } }, 'no-group'],
    ],
  },
  {
    recipe: 'Amazon Cognito',
    token: 'an ID token',
    integration: 'people',
    claims: {
      ...{ aud: 'APP_CLIENT_ID', token_use: 'id', sub: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee' },
      ...{ 'cognito:groups': ['writers'], 'cognito:username': 'jane', event_id: 'x' },
      ...{ email: 'jane@example.com', email_verified: true, origin_jti: 'x' },
    },
    header: { typ: undefined },
    principal: 'jane@example.com',
    role: 'app_readwrite',
    refused: [['of another application', { aud: 'OTHER' }, 'token-audience']],
  },
  {
    recipe: 'Amazon Cognito',
    token: 'an access token of a program',
    integration: 'machines',
    claims: {
      ...{ aud: undefined, token_use: 'access', sub: 'MACHINE_CLIENT_ID', version: 2 },
      ...{ client_id: 'MACHINE_CLIENT_ID', scope: 'db/connect', auth_time: nowSeconds - 60 },
    },
    header: { typ: undefined },
    principal: 'MACHINE_CLIENT_ID',
    role: 'app_readonly',
    refused: [
      ['of another client', { client_id: 'OTHER' }, 'token-authorized-party'],
      ['for another resource', { aud: 'https://other.example.com' }, 'token-audience'],
      ['that is an ID token', { token_use: 'id' }, 'token-type'],
    ],
  },
  {
    recipe: 'GitHub Actions',
    token: 'a token of a workflow',
    integration: 'deployments',
    claims: {
      ...{ aud: audience, sub: 'repo:example/shop:ref:refs/heads/main', jti: 'j' },
      ...{ repository: 'example/shop', repository_owner: 'example', ref: 'refs/heads/main' },
      ...{ event_name: 'push', run_id: '1', actor: 'jane', repository_visibility: 'private' },
      job_workflow_ref: 'example/shop/.github/workflows/deploy.yml@refs/heads/main',
    },
    user: 'app_readwrite',
    principal: 'example/shop',
    role: 'app_readwrite',
    refused: [
      ['of another repository', { repository: 'example/fork' }, 'principal-unmapped'],
      ['of another branch', { ref: 'refs/heads/feature' }, 'token-claim'],
      ['for another service', { aud: 'sts.amazonaws.com' }, 'token-audience'],
    ],
  },
  {
    recipe: 'Kubernetes service accounts',
    token: 'a projected token',
    integration: 'pods',
    claims: {
      ...{ aud: [audience], sub: 'system:serviceaccount:shop:orders', nbf: nowSeconds - 60 },
      'kubernetes.io': {
        namespace: 'shop',
        node: { name: 'n', uid: 'e' },
        pod: { name: 'orders-0', uid: 'b' },
        serviceaccount: { name: 'orders', uid: 'a' },
        warnafter: nowSeconds + 300,
      },
    },
    header: { typ: undefined },
    user: 'app_readwrite',
    principal: 'system:serviceaccount:shop:orders',
    role: 'app_readwrite',
    refused: [
      ['of another service account', { sub: 'system:serviceaccount:shop:x' }, 'principal-unmapped'],
      ['of another namespace', { 'kubernetes.io': { namespace: 'other' } }, 'token-claim'],
      [
        'for the API server',
        { aud: ['https://kubernetes.default.svc.cluster.local'] },
        'token-audience',
      ],
    ],
  },
  {
    recipe: 'AWS workloads',
    token: 'a token of STS',
    integration: 'roles',
    claims: {
      ...{ aud: audience, sub: 'arn:aws:iam::123456789012:role/orders', jti: 'j' },
      'https://sts.amazonaws.com/': {
        ...{ aws_account: '123456789012', source_region: 'us-east-1', org_id: 'o-abc1234567' },
        principal_tags: { team: 'shop' },
      },
    },
    header: { alg: 'ES384' },
    user: 'app_readwrite',
    principal: 'arn:aws:iam::123456789012:role/orders',
    role: 'app_readwrite',
    refused: [
      ['of another role', { sub: 'arn:aws:iam::123456789012:role/other' }, 'principal-unmapped'],
      [
        'of another account',
        { 'https://sts.amazonaws.com/': { aws_account: '210987654321' } },
        'token-claim',
      ],
    ],
  },
  {
    recipe: 'AWS workloads',
    token: 'a token of a pod of EKS',
    integration: 'eks',
    claims: {
      ...{ aud: [audience], sub: 'system:serviceaccount:shop:orders' },
      'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'orders', uid: 'a' } },
    },
    header: { typ: undefined },
    user: 'app_readwrite',
    principal: 'system:serviceaccount:shop:orders',
    role: 'app_readwrite',
    refused: [['for EKS Pod Identity', { aud: ['pods.eks.amazonaws.com'] }, 'token-audience']],
  },
  {
    recipe: 'Google Cloud workloads',
    token: 'an ID token of a service account',
    integration: 'services',
    claims: {
      ...{ aud: audience, azp: '113774264463038321964', sub: '113774264463038321964' },
      ...{ email: 'orders@PROJECT.iam.gserviceaccount.com', email_verified: true },
      google: { compute_engine: { project_id: 'PROJECT', instance_name: 'i' } },
    },
    user: 'app_readwrite',
    principal: 'orders@PROJECT.iam.gserviceaccount.com',
    role: 'app_readwrite',
    refused: [
      ['of another project', { email: 'orders@other.iam.gserviceaccount.com' }, 'token-claim'],
      ['of a person', { email: 'jane@gmail.com' }, 'token-claim'],
      [
        'of an account that is in no line',
        { email: 'x@PROJECT.iam.gserviceaccount.com' },
        'principal-unmapped',
      ],
    ],
  },
  {
    recipe: 'SPIFFE',
    token: 'a JWT-SVID',
    integration: 'workloads',
    claims: { aud: [audience], sub: 'spiffe://example.com/shop/orders', iat: undefined },
    header: { typ: 'JOSE' },
    user: 'app_readwrite',
    principal: 'spiffe://example.com/shop/orders',
    role: 'app_readwrite',
    refused: [
      [
        'of another trust domain',
        { sub: 'spiffe://example.org/shop/orders' },
        'principal-unmapped',
      ],
      ['for another workload', { aud: ['spiffe://example.com/other'] }, 'token-audience'],
      ['without an issuer', { iss: undefined }, 'token-issuer'],
    ],
  },
]

async function logIn(one: Documented, changes: Json = {}): Promise<Explanation> {
  const block = recipes.get(one.recipe)!
  const { issuer } = block.integrations[one.integration]!
  const claims = {
    ...{ iss: issuer, iat: nowSeconds - 60, exp: nowSeconds + 600 },
    ...{ ...one.claims, ...changes },
  }
  // Without a discovery document an issuer is called as it is configured.
  const spelled = String(claims.iss)
  const its = String(issuer)
  const named = `${its}/` === spelled ? rename(block, its, spelled) : block
  const isEc = one.header?.['alg'] === 'ES384'
  const signing = isEc ? ecKey : key
  const header = { alg: isEc ? 'ES384' : 'RS256', typ: 'JWT', kid: signing.kid, ...one.header }
  const credential = signToken(header, claims, signing, header.alg)
  const use = one.recipe === 'SPIFFE' ? { use: 'jwt-svid' } : {}
  const keys = { keys: [toJwk(key, use), toJwk(ecKey, use)] }
  const request = {
    ...{ user: one.user ?? one.role, database: 'sandbox', from: '127.0.0.1' },
    ...{ listener: undefined, options: undefined, credential, certificate: undefined },
    ...{ identityProvider: one.integration, isOffline: true },
  }
  return replayLogin(configure(named, keys), request, now)
}

function rename(block: Block, from: string, to: string): Block {
  const text = stringify(block)
  return parse(text.replaceAll(new RegExp(`${from}$`, 'gm'), to)) as Block
}

describe.each(documented)('by the recipe for $recipe $token', (one) => {
  test('logs in', async () => {
    const { outcome, principal, role, refusal } = await logIn(one)
    expect({ outcome, principal, role, refusal }).toEqual({
      ...{ outcome: 'granted', principal: one.principal, role: one.role, refusal: null },
    })
  })

  for (const [what, changes, reason] of one.refused) {
    test(`${what} does not`, async () => {
      const { outcome, refusal } = await logIn(one, changes)
      expect({ outcome, reason: refusal?.reason }).toEqual({ outcome: 'denied', reason })
    })
  }
})

test('every recipe for a provider has a token, and a line in the table', () => {
  const named = new Set(documented.map(({ recipe }) => recipe))
  const providers = [...recipes.keys()].filter((name) => name !== 'Opaque access tokens')
  expect(providers.filter((name) => !named.has(name))).toEqual([])
  for (const name of providers) {
    const anchor = name.toLowerCase().replaceAll(' ', '-')
    expect(page, name).toContain(`](#${anchor}) |`)
  }
})
