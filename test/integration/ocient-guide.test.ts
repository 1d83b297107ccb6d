// The set-up that Ocient's users have with Auth0: two integrations on `system`, one of them primary,
// databases that inherit them, a pool that requires single sign-on.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { databaseAudience, groupsClaim } from '../../demo/provider-configuration.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { type ErrorFields, errorFields, WireClient } from '../support/wire-client.ts'

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      const issuer = config.integrations['people']!['issuer']
      const common = {
        protocol: 'oidc',
        issuer,
        custom_ca: 'ca.crt',
        default_group: 'readonly',
        groups_claim_ids: [groupsClaim],
        groups_claim_mappings: { 'readwrite-role': 'readwrite' },
      }
      config.integrations = {
        sso_interactive: {
          ...common,
          client_id: 'portcullis-cli',
          client_secret: 'not used by a public client',
          additional_scopes: ['email', 'profile', 'offline_access'],
          additional_audiences: ['https://auth.example.com/'],
        },
        sso_m2m: {
          ...common,
          client_id: 'm2m',
          client_secret: 'only for flows that start here',
          enable_id_token_authentication: true,
          additional_audiences: [databaseAudience, 'https://auth.example.com/'],
        },
      }
      config.databases['system'] = {
        integrations: ['sso_interactive', 'sso_m2m'],
        primary: 'sso_interactive',
        // As the guide has it: the token does not choose.
        integration_selection: 'primary',
      }
      config.connectivity_pools['sso_pool'] = {
        source_address: '0.0.0.0/0',
        priority: 10,
        sso_integration: 'sso_interactive',
        require_sso: true,
        participants: [
          {
            node: 'gw0',
            listen_address: '127.0.0.1',
            listen_port: 0,
            advertised_address: 'db.example.com',
            advertised_port: 4050,
          },
        ],
      }
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function machineToken(audience = databaseAudience): Promise<string> {
  return stack.provider.clientCredentialsToken('m2m', { audience })
}

async function connect(
  parameters: Readonly<Record<string, string>>,
  password: string,
): Promise<{ client: WireClient; refusal: ErrorFields | undefined }> {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const first = await client.logIn({ database: 'sandbox', ...parameters }, password)
  if (first.type === 'E') return { client, refusal: errorFields(first) }
  await client.readUntil('Z')
  return { client, refusal: undefined }
}

async function sessionUser(client: WireClient): Promise<string> {
  client.query('select session_user')
  const { body } = await client.readUntil('D')
  await client.readUntil('Z')
  client.destroy()
  return body.toString('utf8', 6)
}

const asMachine = {
  user: 'id_token@system',
  options: '-c handshake=SSO -c identityprovider=sso_m2m',
}

const interactive = '-c handshake=SSO -c ssoOAuthFlow=deviceGrant'

test('a machine names the token type, the scope and the integration, and is readonly', async () => {
  const { client } = await connect(asMachine, await machineToken())
  expect(await sessionUser(client)).toBe('app_readonly')
})

test('a machine can only read', async () => {
  const { client } = await connect(asMachine, await machineToken())
  client.query("insert into orders (customer, item, quantity) values ('m2m', 'nothing', 1)")
  expect(await client.readUntilError()).toMatchObject({ sqlstate: '42501' })
  client.destroy()
})

test('a machine is told apart in the audit by its issuer and subject, for there is no user', async () => {
  const { client } = await connect(
    { ...asMachine, application_name: 'audited' },
    await machineToken(),
  )
  client.destroy()
  await until('the record', async () =>
    (await stack.audit()).some(
      ({ unmapped: { portcullis: one } }) =>
        one['application_name'] === 'audited' &&
        one['issuer'] === stack.provider.issuer &&
        one['subject'] === 'm2m' &&
        one['role'] === 'app_readonly',
    ),
  )
})

test('the name of the integration works without the scope too, which is ignored there', async () => {
  const parameters = { user: 'id_token', identityprovider: 'sso_m2m' }
  const { client } = await connect(parameters, await machineToken())
  expect(await sessionUser(client)).toBe('app_readonly')
})

test('a machine that names no integration meets the primary, and is told what does not fit', async () => {
  const { refusal, client } = await connect({ user: 'app_readonly' }, await machineToken())
  expect(refusal).toMatchObject({
    sqlstate: '28P01',
    detail: `The token was issued for an alternate audience: "${databaseAudience}".`,
  })
  client.destroy()
})

test('a token of another application is told that its authorized party does not match', async () => {
  const token = await stack.provider.mintIdToken('alice', { azp: 'another' })
  const { refusal, client } = await connect({ user: 'app_readonly' }, token)
  expect(refusal?.detail).toContain(
    'authorized party (azp) that does not match the configured client_id',
  )
  client.destroy()
})

test.each([
  ['alice, who has the role at the provider,', 'alice', 'app_readwrite'],
  ['bob, who has not,', 'bob', 'app_readonly'],
])('%s may be what the mappings give', async (_, user, role) => {
  const { client } = await connect({ user: role }, await stack.provider.mintIdToken(user))
  expect(await sessionUser(client)).toBe(role)
})

test('id_token is refused where the integration does not enable it', async () => {
  const { refusal, client } = await connect({ user: 'id_token' }, await stack.token())
  expect(refusal?.message).toBe('token authentication is not enabled for this identity provider')
  client.destroy()
})

test('access_token with an opaque token is refused in favour of id_token', async () => {
  const { refusal, client } = await connect({ user: 'access_token@system' }, '0paque')
  expect(refusal?.hint).toContain('user=id_token')
  expect(refusal?.message).toContain('the OpenID provider does not support the request')
  client.destroy()
})

test('a person without user and password signs in by the device grant, as the mappings give', async () => {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  client.startup({ user: 'sso', database: 'sandbox', options: interactive })
  const notice = (await client.readUntil('N')).body.toString()
  const [, code = ''] = /shows the code (\S+)/.exec(notice.replaceAll('\0', ' ')) ?? []
  await stack.provider.approveDevice(code, 'alice')
  await client.readUntil('Z')
  expect(await sessionUser(client)).toBe('app_readwrite')
})

test('a password is refused by the pool that requires single sign-on', async () => {
  const { refusal, client } = await connect(
    { user: 'app_readonly' },
    stack.passwords['app_readonly']!,
  )
  expect(refusal).toMatchObject({
    sqlstate: '28000',
    message: 'This connectivity pool requires SSO authentication',
  })
  client.destroy()
})

test('an audience that is altered away is refused from then on', async () => {
  const token = await machineToken('https://auth.example.com/')
  const { client } = await connect(asMachine, token)
  expect(await sessionUser(client)).toBe('app_readonly')
  const { sso_m2m: machines } = stack.config.integrations
  await stack.gateway.reload({
    ...stack.config,
    integrations: {
      ...stack.config.integrations,
      sso_m2m: { ...machines, additional_audiences: [databaseAudience] },
    },
  })
  const { refusal, client: second } = await connect(asMachine, token)
  expect(refusal?.detail).toBe(
    'The token was issued for an alternate audience: "https://auth.example.com/".',
  )
  second.destroy()
  const { client: third } = await connect(asMachine, await machineToken())
  expect(await sessionUser(third)).toBe('app_readonly')
})
