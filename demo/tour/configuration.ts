import { databaseAudience, groupsClaim } from '../provider-configuration.ts'

export interface Addresses {
  readonly issuer: string
  readonly postgresPort: number
  readonly listenAddresses: readonly string[]
  readonly listenPort: number
  readonly httpPort: number
  readonly pagesPort: number
  /** The certificate authority of the demo. */
  readonly authority: string
}

export function pagesAddress(port: number): string {
  return `https://localhost:${port}`
}

/** portcullis.yaml: the first configuration that a newcomer sees. */
export function writeConfiguration(addresses: Addresses): string {
  const { issuer, postgresPort, listenAddresses, listenPort, httpPort, pagesPort, authority } =
    addresses
  const participants = listenAddresses
    .map((address) => (address.includes(':') ? `'${address}'` : address))
    .map(
      (address) =>
        `- { node: gw0, listen_address: ${address}, listen_port: ${listenPort}, advertised_address: localhost }`,
    )
    .join('\n      ')

  return `# The configuration of the Portcullis demo. Relative paths begin in the folder of this file, unknown
# keys are errors. After a change: \`portcullis check --config portcullis.yaml\`, then SIGHUP to reload.

# The name of this gate among several; the listeners at the end refer to it.
node: gw0

# The certificate of the gate. Clients verify it with ca.crt (sslmode=verify-full).
tls:
  certificate: server.crt
  key: server.key

# Metrics and health: /metrics, /startup, /readiness, /liveness.
http:
  listen_address: 127.0.0.1
  listen_port: ${httpPort}

# The pages, for browsers, with the certificate above.
web:
  public_url: ${pagesAddress(pagesPort)}
  listen_port: ${pagesPort}
  secret: \${file:secrets/web}    # seals their cookies, so that they outlive a restart
  root_certificate: ${authority}    # what clients verify the gate with

# How long open sessions may go on once the gate is told to stop. Short, as this is a demo.
timeouts:
  drain: 2s

# One record for each login, each refusal and each end of a session.
audit:
  sink: file
  file: audit.jsonl

# By which \`portcullis why\`, \`sessions\` and others ask the gate: for its own user alone.
control_socket: control.sock

# Whose tokens are accepted, and what they must say. A token finds its integration by the issuer and
# the client that it was issued to.
integrations:
  people:
    issuer: ${issuer}
    custom_ca: ca.crt            # only because the provider's certificate is of the demo's own making
    client_id: portcullis-cli    # the client that people sign in with; the token must be for it
    additional_scopes: [email, profile, offline_access]    # with the last, their tokens are renewed
    groups_claim_ids: [${groupsClaim}]
    groups_claim_mappings:       # left the provider's groups, right the groups below
      engineering: readonly
      readwrite-role: readwrite
  machines:
    issuer: ${issuer}
    custom_ca: ca.crt
    client_id: m2m
    additional_audiences: [${databaseAudience}]
    default_group: readonly      # for everybody with a valid token; \`people\` has no such group

  pages:
    issuer: ${issuer}
    custom_ca: ca.crt
    client_id: portcullis-web    # what the pages sign people in with
    client_secret: \${file:secrets/portcullis-web}
    button_text: Sign in to the demo
    additional_scopes: [email, profile]
    groups_claim_ids: [${groupsClaim}]
    groups_claim_mappings:
      engineering: readonly
      readwrite-role: readwrite

# What a group may be: a role that exists in PostgreSQL.
groups:
  readonly: { role: app_readonly }
  readwrite: { role: app_readwrite, rank: 10 }    # of several groups, the highest rank comes first

# Who may look at all of this on the pages and by SQL, and change it: at the database \`system\`, where
# SHOW HELP begins.
console:
  admin_groups: [readwrite]

databases:
  # Holds for every database that has no integrations of its own.
  system:
    integrations: [people, machines, pages]
    primary: people
  sandbox:
    upstream:
      host: localhost
      port: ${postgresPort}
      ca: ca.crt                 # for \`tls: verify-full\`, which is the default
      # The passwords of the roles. They stay between the gate and PostgreSQL, and out of this file:
      # \${file:...} reads them from a file, \${env:...} from an environment variable.
      auth:
        method: password
        passwords:
          app_readonly: \${file:secrets/app_readonly}
          app_readwrite: \${file:secrets/app_readwrite}

# Where clients come in, and by what rules.
connectivity_pools:
  sso_pool:
    require_sso: true            # a password that is not a token is refused, and never passed on
    sso_integration: pages       # for clients that name no token: they wait for a browser
    sso_flows: [authorizationCode]
    participants:
      ${participants}
`
}
