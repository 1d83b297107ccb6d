// What an operator makes at Keycloak: people in groups, and one client for each way to get a token.

export const realmName = 'company'
export const databaseAudience = 'https://db.example.com'
export const passwordOfAll = 'a password of the tests'

export const secrets = {
  'portcullis-web': 'the secret of the pages',
  batch: 'the secret of a program',
  slim: 'the secret of another program',
} as const

type Json = Readonly<Record<string, unknown>>

/** `address` is that of our pages, as browsers and Keycloak reach it. */
export function realm(address: string): Json {
  return {
    realm: realmName,
    enabled: true,
    groups: [{ name: 'writers' }, { name: 'readers' }],
    users: [person('alice', 'writers'), person('bob', 'readers')],
    clients: [
      {
        ...client('portcullis-cli'),
        publicClient: true,
        redirectUris: ['http://127.0.0.1/*'],
        attributes: {
          'oauth2.device.authorization.grant.enabled': 'true',
          // Demanded of every flow, of devices too.
          'pkce.code.challenge.method': 'S256',
        },
      },
      {
        ...client('portcullis-web'),
        secret: secrets['portcullis-web'],
        redirectUris: [`${address}/*`],
        protocolMappers: [groups, audience('audience', 'warehouse')],
        attributes: {
          'backchannel.logout.url': `${address}/oidc/v1/backchannel-logout`,
          'backchannel.logout.session.required': 'true',
          'standard.token.exchange.enabled': 'true',
          'oauth2.device.authorization.grant.enabled': 'true',
          'pkce.code.challenge.method': 'S256',
        },
      },
      {
        ...client('batch'),
        secret: secrets.batch,
        standardFlowEnabled: false,
        serviceAccountsEnabled: true,
        protocolMappers: [
          audience('audience', databaseAudience),
          audience('gate', 'portcullis-web'),
        ],
      },
      {
        ...client('slim'),
        secret: secrets.slim,
        standardFlowEnabled: false,
        serviceAccountsEnabled: true,
        protocolMappers: [
          audience('audience', databaseAudience),
          audience('gate', 'portcullis-web'),
        ],
        attributes: { 'client.use.lightweight.access.token.enabled': 'true' },
      },
      { ...client('warehouse'), bearerOnly: true },
    ],
  }
}

const groups = {
  name: 'groups',
  protocol: 'openid-connect',
  protocolMapper: 'oidc-group-membership-mapper',
  config: {
    'claim.name': 'groups',
    'full.path': 'false',
    'id.token.claim': 'true',
    'access.token.claim': 'true',
    'introspection.token.claim': 'true',
  },
}

function client(clientId: string): Json {
  return {
    clientId,
    publicClient: false,
    directAccessGrantsEnabled: false,
    protocolMappers: [groups],
  }
}

function audience(name: string, value: string): Json {
  const isUri = value.includes(':')
  return {
    name,
    protocol: 'openid-connect',
    protocolMapper: 'oidc-audience-mapper',
    config: {
      [isUri ? 'included.custom.audience' : 'included.client.audience']: value,
      'access.token.claim': 'true',
      'introspection.token.claim': 'true',
    },
  }
}

function person(username: string, group: string): Json {
  return {
    username,
    enabled: true,
    email: `${username}@example.com`,
    emailVerified: true,
    firstName: username,
    lastName: 'Example',
    groups: [group],
    credentials: [{ type: 'password', value: passwordOfAll, temporary: false }],
  }
}
