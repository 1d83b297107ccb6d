// What `--help` of the client's commands says below the options. Apart from the commands, so that showing it loads
// none of them.

const exitCodes = `
Exit codes: 0 done, 1 failed, 64 wrong usage, 67 somebody has to sign in, 69 provider or gateway cannot be reached,
77 refused, 78 the profile is wrong or not there.`

const exitCodesOfChild = `
Exit codes: those of the program; 128 and the signal where one ended it; 126 and 127 where it cannot be run or is
not there. Before it begins: 64 wrong usage, 67 somebody has to sign in, 69 provider or gateway cannot be reached,
77 refused, 78 the profile is wrong or not there.`

export const loginHelp = `
A gateway says of itself who signs people in, and where to connect. On a terminal with a browser the browser is
opened; without one an address and a code are shown, to be used on any other device. What is kept of it is the
profile (\`portcullis profiles show\`), without any secret, and the tokens, in the keyring of the system or in a
file that nobody else can read.

Without a gateway, the profile is signed in again, with what the options change of it.
${exitCodes}

Examples:
  portcullis login db.example.com
  portcullis login db.example.com --database sandbox --no-browser
  portcullis login --issuer https://auth.example.com --client-id cli --host db.example.com
  portcullis login --profile ci --host db.example.com --workload github --audience https://db.example.com
  portcullis login --profile gcp --host db.example.com --command gcloud auth print-identity-token`

export const tokenHelp = `
The token is printed and nothing else; whatever there is to say is on standard error. It is asked for anew ahead of
its expiry, once for any number of processes. --min-validity is never more than half of its life.

Formats: raw; json (token, issued_at, expires_at and how to connect); env (variables for eval of a shell); pgpass
(lines of a password file); exec (an ExecCredential, as plugins of kubectl print it).
${exitCodes}

Examples:
  PGPASSWORD="$(portcullis token)" psql "host=db.example.com dbname=sandbox user=app_readonly sslmode=verify-full"
  eval "$(portcullis token --format env)"
  portcullis token --format json --no-interaction --min-validity 300`

export const psqlHelp = `
Everything from the first argument on that is not one of these options is psql's. PGDATABASE and PGUSER, and what
psql's arguments say, go before the profile. The token is in the environment of psql alone.

It goes to the gateway of the profile and nowhere else: PGHOST, PGPORT, PGHOSTADDR, PGSERVICE and PGPASSFILE of the
environment do not count, the certificate is always verified, and arguments that name another server are refused.
Within psql, do not \\connect to another host: libpq would show it the token.
${exitCodesOfChild}

Examples:
  portcullis psql
  portcullis psql -c 'select current_user'
  portcullis psql --profile staging -d sandbox -f script.sql`

export const execHelp = `
The program finds PGHOST, PGPORT, PGDATABASE, PGUSER, PGSSLMODE, PGSSLROOTCERT, PGPASSWORD and
PORTCULLIS_TOKEN_EXPIRES_AT in its environment, and nobody else does. Several gateways are lists with commas, as
libpq takes them. A token is good until it expires: what opens connections later wants \`portcullis agent\` or
\`portcullis token\` for each of them.

Arguments of PostgreSQL's own programs, and connection strings, that name another server are refused. What other
programs do with the token is up to them.
${exitCodesOfChild}

Examples:
  portcullis exec -- pg_dump --schema-only sandbox
  portcullis exec --profile ci -- ./migrate.sh`

export const urlHelp = `
The token is part of what is printed: it belongs into a variable or a pipe, and into no file and no history.
PGDATABASE and PGUSER go before the profile, options before both.
${exitCodes}

Examples:
  psql "$(portcullis url)"
  portcullis url --jdbc --no-token --database sandbox --user app_readonly`

export const pgpassHelp = `
Writes one line for each address of the gateway, for all databases and users, and leaves all other lines as they are.
The file is made with 0600, and one that is open to others is refused, as libpq does. It prints where the file is.

With --watch the line is written anew ahead of expiry, for as long as the command runs, and is taken out at its end.
libpq before 14 reads no line of more than 320 bytes, which a session token may be short enough for and others are not.
${exitCodes}

Examples:
  portcullis pgpass
  portcullis pgpass --watch --file ~/.pgpass-sandbox
  portcullis pgpass --remove`

export const serviceHelp = `
For \`psql service=<name>\` and everything else that knows services of libpq. There is no password in it: add a token
by \`portcullis pgpass\`, or by PGPASSWORD. With --write, what the section has besides stays, and so does all else.

Exit codes: 0 done, 1 failed, 64 wrong usage, 78 the profile is wrong or not there.

Examples:
  portcullis service
  portcullis service --write --name sandbox --database sandbox`

export const statusHelp = `
By what is kept on this machine: nobody is asked.

-o json has profile, default, gateway, endpoints, database, user, roles, flow, issuer, session, store, state (signed-in,
not-needed, needed), principal, issued_at, expires_at and renewable. What is not known is null.

Exit codes: 0 signed in, or nobody has to, 1 failed, 64 wrong usage, 67 somebody has to sign in, 78 the profile is wrong
or not there.

Examples:
  portcullis status
  portcullis status -o json | jq -r .expires_at`

export const logoutHelp = `
Tokens are removed from keyring and files first; then the provider is told, and the gateway. If they cannot be reached,
what they gave out is good until it expires, but is kept by nobody.

Exit codes: 0 done, 1 failed, 64 wrong usage, 78 the profile is wrong or not there.

Examples:
  portcullis logout
  portcullis logout --all --forget`

export const profilesHelp = `
A profile says where a gateway is, who connects, and where tokens come from. There is no secret in it, only where one is
found. It is a file, ~/.config/portcullis/profiles/<name>.yaml, that may be written by hand and handed out.

Exit codes: 0 done, 1 failed, 64 wrong usage, 78 the profile is wrong or not there.

Examples:
  portcullis profiles
  portcullis profiles show db.example.com
  portcullis profiles use db.example.com
  portcullis profiles remove db.example.com`

export const completionHelp = `
Completes commands, options, their values and the names of profiles.

Examples:
  source <(portcullis completion bash)       # in ~/.bashrc
  source <(portcullis completion zsh)        # in ~/.zshrc, behind compinit
  portcullis completion fish > ~/.config/fish/completions/portcullis.fish`
