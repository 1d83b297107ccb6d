// Written by `npm run docs` from src/config/schema. Do not edit.

import type { Properties } from './property.ts'

export const integrationProperties: Properties = {
  enabled: { kinds: ['boolean'], is: 'true or false' },
  issuer: { kinds: ['text'], is: 'URL' },
  client_id: { kinds: ['text'], is: 'string' },
  client_secret: { kinds: ['text'], is: 'secret string', isSecret: true },
  button_text: { kinds: ['text'], is: 'string' },
  shown_token: {
    kinds: ['map'],
    is: 'map',
    entries: {
      use_token: {
        kinds: ['text'],
        is: 'id_token, access_token',
        words: ['id_token', 'access_token'],
      },
      host: { kinds: ['text'], is: 'host' },
      port: { kinds: ['number'], is: 'integer' },
    },
  },
  default_group: { kinds: ['text'], is: 'group' },
  additional_scopes: { kinds: ['list'], is: 'list', items: { kinds: ['text'], is: 'scope' } },
  additional_audiences: { kinds: ['list'], is: 'list', items: { kinds: ['text'], is: 'string' } },
  allow_no_audience: { kinds: ['boolean'], is: 'true or false' },
  strict_audiences: { kinds: ['boolean'], is: 'true or false' },
  groups_claim_ids: { kinds: ['list'], is: 'list', items: { kinds: ['text'], is: 'claim' } },
  userinfo_groups: { kinds: ['boolean'], is: 'true or false' },
  groups_claim_mappings: { kinds: ['map'], is: 'map', each: { kinds: ['text'], is: 'group' } },
  blocked_groups: { kinds: ['list'], is: 'list', items: { kinds: ['text'], is: 'string' } },
  principal_claim: { kinds: ['text'], is: 'claim' },
  principal_regex: { kinds: ['text'], is: 'regular expression' },
  map_principal: { kinds: ['boolean'], is: 'true or false' },
  provisioning: {
    kinds: ['map'],
    is: 'map',
    entries: {
      enabled: { kinds: ['boolean'], is: 'true or false' },
      sync: { kinds: ['text'], is: 'granted, exact', words: ['granted', 'exact'] },
      connection_limit: { kinds: ['number'], is: 'integer' },
    },
  },
  enable_id_token_authentication: { kinds: ['boolean'], is: 'true or false' },
  require_sender_constraint: { kinds: ['boolean'], is: 'true or false' },
  required_claims: {
    kinds: ['map'],
    is: 'map',
    each: {
      kinds: ['text', 'number', 'boolean', 'map'],
      is: 'value or pattern',
      entries: { pattern: { kinds: ['text'], is: 'regular expression' } },
    },
  },
  required_acr: { kinds: ['list'], is: 'list', items: { kinds: ['text'], is: 'string' } },
  algorithms: {
    kinds: ['list'],
    is: 'list',
    items: {
      kinds: ['text'],
      is: 'RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA',
      words: [
        'RS256',
        'RS384',
        'RS512',
        'PS256',
        'PS384',
        'PS512',
        'ES256',
        'ES384',
        'ES512',
        'EdDSA',
      ],
    },
  },
  allowed_typ: { kinds: ['list'], is: 'list', items: { kinds: ['text'], is: 'media type' } },
  token_kinds: {
    kinds: ['list'],
    is: 'list',
    items: {
      kinds: ['text'],
      is: 'id_token, at+jwt, access_token',
      words: ['id_token', 'at+jwt', 'access_token'],
    },
  },
  introspection: {
    kinds: ['map'],
    is: 'map',
    entries: {
      endpoint: { kinds: ['text'], is: 'URL' },
      client_id: { kinds: ['text'], is: 'string' },
      client_secret: { kinds: ['text'], is: 'secret string', isSecret: true },
      authentication: { kinds: ['text'], is: 'basic, post', words: ['basic', 'post'] },
      cache: { kinds: ['text', 'number'], is: 'duration' },
    },
  },
  decryption_keys_file: { kinds: ['text'], is: 'path' },
  recheck: { kinds: ['text', 'number'], is: 'duration' },
  recheck_max_stale: { kinds: ['text', 'number'], is: 'duration' },
  backchannel_logout: { kinds: ['boolean'], is: 'true or false' },
  leeway: { kinds: ['text', 'number'], is: 'duration' },
  max_token_age: { kinds: ['text', 'number'], is: 'duration' },
  jwks: { kinds: ['text', 'map'], is: 'key set' },
  jwks_file: { kinds: ['text'], is: 'path' },
  jwks_uri: { kinds: ['text'], is: 'URL' },
  jwks_bearer_token_file: { kinds: ['text'], is: 'path' },
  custom_ca: { kinds: ['text'], is: 'path' },
  proxy_url: { kinds: ['text'], is: 'secret URL', isSecret: true },
  request_timeout: { kinds: ['text', 'number'], is: 'duration' },
}

export const groupProperties: Properties = {
  role: { kinds: ['text'], is: 'role' },
  rank: { kinds: ['number'], is: 'integer' },
  allow_superuser: { kinds: ['boolean'], is: 'true or false' },
}

export const databaseProperties: Properties = {
  integration_selection: { kinds: ['text'], is: 'token, primary', words: ['token', 'primary'] },
  upstream: {
    kinds: ['map'],
    is: 'map',
    entries: {
      host: { kinds: ['text'], is: 'host' },
      hosts: {
        kinds: ['list'],
        is: 'list',
        items: {
          kinds: ['map'],
          is: 'map',
          entries: {
            host: { kinds: ['text'], is: 'host' },
            port: { kinds: ['number'], is: 'integer' },
          },
        },
      },
      port: { kinds: ['number'], is: 'integer' },
      target_session_attrs: {
        kinds: ['text'],
        is: 'any, read-write, read-only, primary, standby, prefer-standby',
        words: ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'],
      },
      load_balance_hosts: { kinds: ['text'], is: 'disable, random', words: ['disable', 'random'] },
      database: { kinds: ['text'], is: 'database' },
      tls: {
        kinds: ['text'],
        is: 'verify-full, verify-ca, require, disable',
        words: ['verify-full', 'verify-ca', 'require', 'disable'],
      },
      ca: { kinds: ['text'], is: 'path' },
      server_name: { kinds: ['text'], is: 'host' },
      channel_binding: {
        kinds: ['text'],
        is: 'prefer, require, disable',
        words: ['prefer', 'require', 'disable'],
      },
      protocol: { kinds: ['text', 'number'], is: '3.0, 3.2', words: ['3.0', '3.2'] },
      connect_timeout: { kinds: ['text', 'number'], is: 'duration' },
      connect_retries: { kinds: ['number'], is: 'integer' },
      warm: {
        kinds: ['map'],
        is: 'map',
        entries: {
          max_per_role: { kinds: ['number'], is: 'integer' },
          max: { kinds: ['number'], is: 'integer' },
          max_age: { kinds: ['text', 'number'], is: 'duration' },
          reuse: { kinds: ['text'], is: 'never, reset', words: ['never', 'reset'] },
        },
      },
      auth: {
        kinds: ['map'],
        is: 'map',
        entries: {
          method: {
            kinds: ['text'],
            is: 'password',
            words: ['password', 'certificate', 'token', 'rds-iam', 'trust'],
          },
          passwords: {
            kinds: ['map'],
            is: 'map',
            each: { kinds: ['text'], is: 'secret string', isSecret: true },
          },
          allow: {
            kinds: ['list'],
            is: 'list',
            items: {
              kinds: ['text'],
              is: 'scram-sha-256, md5, cleartext',
              words: ['scram-sha-256', 'md5', 'cleartext'],
            },
          },
          ca_certificate: { kinds: ['text'], is: 'path' },
          ca_key: { kinds: ['text'], is: 'path' },
          validity: { kinds: ['text', 'number'], is: 'duration' },
          as: {
            kinds: ['text'],
            is: 'auto, cleartext, oauthbearer',
            words: ['auto', 'cleartext', 'oauthbearer'],
          },
          cockroachdb: { kinds: ['boolean'], is: 'true or false' },
          region: { kinds: ['text'], is: 'AWS region' },
        },
      },
      provisioner: {
        kinds: ['map'],
        is: 'map',
        entries: {
          role: { kinds: ['text'], is: 'role' },
          password: { kinds: ['text'], is: 'secret string', isSecret: true },
          connections: { kinds: ['number'], is: 'integer' },
        },
      },
    },
  },
  owners: { kinds: ['list'], is: 'list', items: { kinds: ['text'], is: 'role' } },
  max_sessions: { kinds: ['number'], is: 'integer' },
  exchange: {
    kinds: ['map'],
    is: 'map',
    entries: {
      integration: { kinds: ['text'], is: 'name' },
      audience: { kinds: ['text'], is: 'string' },
      resource: { kinds: ['text'], is: 'URI' },
      scope: { kinds: ['text'], is: 'string' },
      requested_token_type: {
        kinds: ['text'],
        is: 'urn:ietf:params:oauth:token-type:access_token, urn:ietf:params:oauth:token-type:id_token, urn:ietf:params:oauth:token-type:jwt',
        words: [
          'urn:ietf:params:oauth:token-type:access_token',
          'urn:ietf:params:oauth:token-type:id_token',
          'urn:ietf:params:oauth:token-type:jwt',
        ],
      },
      subject_token_type: {
        kinds: ['text'],
        is: 'urn:ietf:params:oauth:token-type:access_token, urn:ietf:params:oauth:token-type:id_token, urn:ietf:params:oauth:token-type:jwt',
        words: [
          'urn:ietf:params:oauth:token-type:access_token',
          'urn:ietf:params:oauth:token-type:id_token',
          'urn:ietf:params:oauth:token-type:jwt',
        ],
      },
      client_id: { kinds: ['text'], is: 'string' },
      client_secret: { kinds: ['text'], is: 'secret string', isSecret: true },
      authentication: {
        kinds: ['text'],
        is: 'basic, post, none',
        words: ['basic', 'post', 'none'],
      },
      allow_opaque: { kinds: ['boolean'], is: 'true or false' },
      allow_other_subject: { kinds: ['boolean'], is: 'true or false' },
    },
  },
  session_settings: {
    kinds: ['map'],
    is: 'map',
    entries: {
      identity: { kinds: ['boolean'], is: 'true or false' },
      claims: { kinds: ['list'], is: 'list', items: { kinds: ['text'], is: 'string' } },
      claim_settings: { kinds: ['map'], is: 'map', each: { kinds: ['text'], is: 'claim' } },
      signing: {
        kinds: ['map'],
        is: 'map',
        entries: {
          secret: { kinds: ['text'], is: 'secret string', isSecret: true },
          validity: { kinds: ['text', 'number'], is: 'duration' },
          bound_to: { kinds: ['text'], is: 'connection, role', words: ['connection', 'role'] },
        },
      },
    },
  },
}

export const poolProperties: Properties = {
  enabled: { kinds: ['boolean'], is: 'true or false' },
  source_address: {
    kinds: ['text', 'list'],
    is: 'CIDR range or list',
    items: { kinds: ['text'], is: 'CIDR range' },
  },
  priority: { kinds: ['number'], is: 'integer' },
  sso_integration: { kinds: ['text'], is: 'name' },
  sso_flows: {
    kinds: ['list'],
    is: 'list',
    items: {
      kinds: ['text'],
      is: 'deviceGrant, authorizationCode',
      words: ['deviceGrant', 'authorizationCode'],
    },
  },
  require_sso: { kinds: ['boolean'], is: 'true or false' },
  auth_methods: {
    kinds: ['list'],
    is: 'list',
    items: {
      kinds: ['text'],
      is: 'cleartext, oauthbearer, scram-sha-256',
      words: ['cleartext', 'oauthbearer', 'scram-sha-256'],
    },
  },
  allowed_databases: { kinds: ['list'], is: 'list', items: { kinds: ['text'], is: 'database' } },
  allowed_groups: { kinds: ['list'], is: 'list', items: { kinds: ['text'], is: 'group' } },
  allowed_integrations: { kinds: ['list'], is: 'list', items: { kinds: ['text'], is: 'name' } },
  login_hours: {
    kinds: ['list'],
    is: 'list',
    items: {
      kinds: ['map'],
      is: 'map',
      entries: {
        days: {
          kinds: ['list'],
          is: 'list',
          items: {
            kinds: ['text'],
            is: 'sun, mon, tue, wed, thu, fri, sat',
            words: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
          },
        },
        from: { kinds: ['text'], is: 'time of day' },
        to: { kinds: ['text'], is: 'time of day' },
        time_zone: { kinds: ['text'], is: 'time zone' },
      },
    },
  },
  server_names: { kinds: ['list'], is: 'list', items: { kinds: ['text'], is: 'host' } },
  tls: {
    kinds: ['map'],
    is: 'map',
    entries: { certificate: { kinds: ['text'], is: 'path' }, key: { kinds: ['text'], is: 'path' } },
  },
  client_certificate: {
    kinds: ['text'],
    is: 'optional, required',
    words: ['optional', 'required'],
  },
  allow_replication: { kinds: ['boolean'], is: 'true or false' },
  max_sessions: { kinds: ['number'], is: 'integer' },
  session_expiry: { kinds: ['text'], is: 'ignore, idle, hard', words: ['ignore', 'idle', 'hard'] },
  session_grace: { kinds: ['text', 'number'], is: 'duration' },
  max_session_lifetime: { kinds: ['text', 'number'], is: 'duration' },
  idle_timeout: { kinds: ['text', 'number'], is: 'duration' },
  idle_in_transaction_timeout: { kinds: ['text', 'number'], is: 'duration' },
  password_users: { kinds: ['list'], is: 'list', items: { kinds: ['text'], is: 'role' } },
}

export const participantProperties: Properties = {
  listen_address: { kinds: ['text'], is: 'address' },
  listen_port: { kinds: ['number'], is: 'integer' },
  socket_directory: { kinds: ['text'], is: 'path' },
  socket_mode: { kinds: ['text', 'number'], is: '0600, 0660', words: ['0600', '0660'] },
  advertised_address: { kinds: ['text'], is: 'host' },
  advertised_port: { kinds: ['number'], is: 'integer' },
  openapi_port: { kinds: ['number'], is: 'integer' },
  openapi_advertised_address: { kinds: ['text'], is: 'host' },
  openapi_advertised_port: { kinds: ['number'], is: 'integer' },
  allow_cleartext: { kinds: ['boolean'], is: 'true or false' },
  proxy_protocol: {
    kinds: ['text'],
    is: 'trusted, required, off',
    words: ['trusted', 'required', 'off'],
  },
}

export const clusterSettings: Properties = {
  'server.jwt_authentication.enabled': { kinds: ['boolean', 'text'], is: 'on or off' },
  'server.jwt_authentication.audience': {
    kinds: ['text', 'list'],
    is: 'string or list',
    items: { kinds: ['text'], is: 'text' },
  },
  'server.jwt_authentication.issuers.configuration': {
    kinds: ['text', 'list', 'map'],
    is: 'issuers',
    items: { kinds: ['text'], is: 'text' },
  },
  'server.jwt_authentication.issuers': {
    kinds: ['text', 'list', 'map'],
    is: 'issuers',
    items: { kinds: ['text'], is: 'text' },
  },
  'server.jwt_authentication.jwks': { kinds: ['text', 'map'], is: 'JWK or JWKS' },
  'server.jwt_authentication.jwks_auto_fetch.enabled': {
    kinds: ['boolean', 'text'],
    is: 'on or off',
  },
  'server.jwt_authentication.issuers.custom_ca': { kinds: ['text'], is: 'PEM text' },
  'server.jwt_authentication.claim': { kinds: ['text'], is: 'claim' },
  'server.jwt_authentication.client.timeout': { kinds: ['text', 'number'], is: 'duration' },
  'server.jwt_authentication.authorization.enabled': {
    kinds: ['boolean', 'text'],
    is: 'on or off',
  },
  'server.jwt_authentication.group_claim': { kinds: ['text'], is: 'claim' },
  'server.jwt_authentication.userinfo_group_key': { kinds: ['text'], is: 'claim' },
  'server.identity_map.configuration': { kinds: ['text'], is: 'text' },
  'security.provisioning.jwt.enabled': { kinds: ['boolean', 'text'], is: 'on or off' },
  'server.oidc_authentication.enabled': { kinds: ['boolean', 'text'], is: 'on or off' },
  'server.oidc_authentication.client_id': { kinds: ['text', 'number'], is: 'string' },
  'server.oidc_authentication.client_secret': {
    kinds: ['text'],
    is: 'secret string',
    isSecret: true,
  },
  'server.oidc_authentication.redirect_url': { kinds: ['text', 'map'], is: 'URL or JSON' },
  'server.oidc_authentication.provider_url': { kinds: ['text'], is: 'URL' },
  'server.oidc_authentication.scopes': { kinds: ['text'], is: 'scopes' },
  'server.oidc_authentication.claim_json_key': { kinds: ['text'], is: 'claim' },
  'server.oidc_authentication.principal_regex': { kinds: ['text'], is: 'regular expression' },
  'server.oidc_authentication.button_text': { kinds: ['text'], is: 'text' },
  'server.oidc_authentication.autologin.enabled': { kinds: ['boolean', 'text'], is: 'on or off' },
  'server.oidc_authentication.autologin': { kinds: ['boolean', 'text'], is: 'on or off' },
  'server.oidc_authentication.generate_cluster_sso_token.enabled': {
    kinds: ['boolean', 'text'],
    is: 'on or off',
  },
  'server.oidc_authentication.generate_cluster_sso_token.use_token': {
    kinds: ['text'],
    is: 'token',
  },
  'server.oidc_authentication.generate_cluster_sso_token.sql_host': { kinds: ['text'], is: 'host' },
  'server.oidc_authentication.generate_cluster_sso_token.sql_port': {
    kinds: ['text', 'number'],
    is: 'port',
  },
  'server.oidc_authentication.client.timeout': { kinds: ['text', 'number'], is: 'duration' },
  'server.oidc_authentication.provider.custom_ca': { kinds: ['text'], is: 'PEM text' },
  'server.oidc_authentication.authorization.enabled': {
    kinds: ['boolean', 'text'],
    is: 'on or off',
  },
  'server.oidc_authentication.group_claim': { kinds: ['text'], is: 'claim' },
  'server.oidc_authentication.userinfo_group_key': { kinds: ['text'], is: 'claim' },
}
