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
