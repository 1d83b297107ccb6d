// What `--help` says below the options. Apart from the commands, so that showing it loads none of them.

const grantingRole = `
It connects to each server as \`upstream\` has it, as the role of --user (else PGUSER), with the password of
--password-file (else PGPASSWORD). That role has to own what it grants on, or be a member of the owner, or a
superuser; and to make roles it needs CREATEROLE.`

const askingTheService = `
The catalog is what stands under integrations, identity_map, groups, databases, connectivity_pools and settings.
A section that the file does not have stays as it is; in one that it has, what is not there goes.

It is asked of the service by its control socket (\`control_socket\` of the configuration). Without a service that
listens there, it is the file of the configuration that is read and written.`

export const auditVerifyHelp = `
Reads files that were written with \`audit.chain\`, of whatever length. With --config the records must be made with
\`audit.chain_key\`; without a key whoever can write the files could have made all of it anew.

Exit codes: 0 nothing is changed or missing, 1 something was changed, taken away, put in or moved, 2 nothing is
wrong but the beginning or the end is not there, which is 0 with --open, 3 a file cannot be read, 64 wrong usage,
78 wrong configuration.

-o json has outcome (whole, open, changed), records, chains (id, first, last, hash, isEnded), unprotected, lost,
troubles (file, line, what) and troubleCount.

Examples:
  portcullis audit verify --config portcullis.yaml audit.jsonl.2.gz audit.jsonl.1 audit.jsonl
  portcullis audit verify --open audit.jsonl`

export const caInitHelp = `
Makes the key (P-256) and the certificate of an authority that vouches for clients alone. Neither file may be
there already. The key is for its owner alone; whoever has it can be every role, so it belongs on the machines of
Portcullis and nowhere else. PostgreSQL needs the certificate only.

Examples:
  portcullis ca init
  portcullis ca init --certificate ca-2.crt --key ca-2.key`

export const caPgConfigHelp = `
For each server of a database with \`auth.method: certificate\`: the settings, the authorities, the lines of
pg_hba.conf and pg_ident.conf, and what makes sure that there is no password left. Nothing is changed and nobody
is asked.

Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration.

Examples:
  portcullis ca pg-config --config portcullis.yaml
  portcullis ca pg-config --config portcullis.yaml --from 10.0.0.0/24`

export const catalogDiffHelp = `
Prints what \`portcullis apply\` would change, without secrets. Nothing is changed.
${askingTheService}

Exit codes: 0 nothing would change, 1 something would, 2 it cannot be applied, 64 wrong usage, 78 wrong configuration.

Examples:
  portcullis diff --config portcullis.yaml -f catalog.yaml`

export const catalogApplyHelp = `
Shows what \`portcullis diff\` prints, asks, and makes the catalog what the file says: all of it or nothing. It takes
effect at once for new logins, and is a version of the catalog.
${askingTheService}

Exit codes: 0 done, or nothing was to be done, 1 not confirmed, 2 failed, 64 wrong usage, 78 wrong configuration.

Examples:
  portcullis apply --config portcullis.yaml -f catalog.yaml
  portcullis apply --config portcullis.yaml -f catalog.yaml --yes --expect-version 17`

export const catalogExportHelp = `
Prints the catalog as it is in use, with its comments. A secret that is written in the file itself is ********, and
what refers to one is printed as it is; \`portcullis apply\` keeps secrets that are ********.

Exit codes: 0 done, 2 failed, 64 wrong usage, 78 wrong configuration.

Examples:
  portcullis export --config portcullis.yaml > catalog.yaml`

export const checkHelp = `
Reads the configuration as serve would. Where it is right, everything is looked at that logins will need:
certificates and keys on this machine; for each integration, asked as the gate asks it, the discovery
document, the issuer's name, the key set, algorithms, endpoints, the clock and the certificate of the
provider; for each database the server, its certificate, and a login as each role that a group or
\`auth.passwords\` names; and what of the configuration leads nowhere. With --offline no provider and no
database is asked.

Each finding is ok, a warning (it may be meant), or a problem (logins are refused, or serve does not start).

Exit codes: 0 nothing but warnings, 1 a problem was found, 64 wrong usage, 78 wrong configuration, which is
then not looked at any further.

-o json has outcome (ok, warning, problem), offline, and findings: about, check, verdict (ok, warning,
problem), found, remedy (null where there is nothing to do).

Examples:
  portcullis check --config portcullis.yaml
  portcullis check --config portcullis.yaml --offline -o json`

export const doctorHelp = `
Goes to the server of each database as somebody who avoids Portcullis would, and says what it lets in: without
TLS, with nothing to show, with a wrong password, as the groups' roles and as reserved ones; with
\`auth.method: certificate\` also with certificates of another authority, of another role and expired ones, which are
made in memory; and with TLS 1.0 and 1.1. A role is tried with one wrong password, which nobody has, and reserved
roles with none. Nothing is changed, and whatever is let in leaves at once.

It knows what the server answers to this machine. With --user, a role that may (a superuser), the server is also
asked for its pg_hba.conf, which says what it answers to others, and for roles that have a password. With --outside
this is a machine from which nobody should be let in at all.

Exit codes: 0 nothing is open, 1 something is, 2 that could not be found out everywhere, 64 wrong usage, 78 wrong
configuration.

-o json has outcome (closed, hole, unknown) and findings: about, tried, verdict (closed, hole, note, unknown),
answer, fix (lines).

Examples:
  portcullis doctor --config portcullis.yaml
  PGPASSWORD=... portcullis doctor --config portcullis.yaml --user postgres
  portcullis doctor --config portcullis.yaml --outside -o json`

export const explainHelp = `
The token is read from standard input where it is "-" or left out: an argument is in the list of processes
and in the history of the shell. It is never printed.

A token that is bound to a client certificate needs --certificate: without it the client has none. That the
client has the private key is taken for granted, and so is that tls.client_ca trusts the certificate.

A login over TLS is replayed up to the role: no listener is opened and no database is asked, so a role that
is missing at PostgreSQL, or is a superuser there, is not noticed. The keys are fetched from the identity
provider, unless --offline: then those of \`jwks\` and \`jwks_file\` are the only ones.

Exit codes: 0 granted, 1 denied, 2 could not be decided, 64 wrong usage, 78 wrong configuration.

-o json has outcome (granted, denied, undecided), request, steps (check, compared, passed: true, false or
null where it could not be made, verified), pool, credential, integration, principal, groups, role,
expiresAt and refusal (reason, sqlstate, fault, message, detail, hint, log, meaning, remedy).

Examples:
  get-a-token | portcullis explain --config portcullis.yaml --user app_readonly --database sandbox
  portcullis explain --config portcullis.yaml --offline -o json - < token.txt`

export const grantsDiffHelp = `
Prints the statements that bring the privileges of the groups' roles to what \`groups.<group>.grants\` says. Nothing
is changed. With --prune, privileges of those roles that the catalog does not name are revoked.
${grantingRole}

Exit codes: 0 nothing is to be done, 1 something is, 2 that could not be found out, 64 wrong usage, 78 wrong
configuration.

Examples:
  PGPASSWORD=... portcullis grants diff --config portcullis.yaml --user postgres
  portcullis grants diff --config portcullis.yaml --user postgres --password-file pw --prune`

export const grantsApplyHelp = `
Shows the statements that grants diff prints, asks, and carries them out: one transaction for each database, and
none at all if a database cannot be read. If one fails, nothing of it is done, and the rest is not begun.
${grantingRole}

Exit codes: 0 done, or nothing was to be done, 1 not confirmed, 2 failed, 64 wrong usage, 78 wrong configuration.

Examples:
  PGPASSWORD=... portcullis grants apply --config portcullis.yaml --user postgres
  portcullis grants apply --config portcullis.yaml --user postgres --password-file pw --yes`

export const sessionsHelp = `
Speaks to the service on this machine by its control socket (\`control_socket\` of the configuration), which only
the user that the service runs as may open. Several criteria have to hold together.

Exit codes: 0 done, 1 failed, or a worker did not answer, 64 wrong usage, 78 wrong configuration.

-o json has sessions (session, issuer, subject, principal, groups, tokenIdHash, user, role, database, pool, integration,
address, port, listener, tls, application, since, until, processId, server, activity, catalogVersion), total and
unanswered; of kill it has ended and unanswered.

Examples:
  portcullis sessions list --config portcullis.yaml --role app_readonly
  portcullis sessions kill --config portcullis.yaml --issuer https://auth.example.com --subject 'auth0|alice'`
