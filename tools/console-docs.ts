// docs/console.md, written from the tables of the grammar.
import {
  reference,
  referenceParts,
  type StatementReference,
} from '../src/admin/grammar/reference.ts'
import { type ShowTopic, showTopics } from '../src/admin/grammar/show-topics.ts'
import { fleetTopics, isFleetTopic } from '../src/admin/show/topics.ts'

const introduction = `# The SQL console

<!-- Written by tools/console-docs.ts from src/admin/grammar. Do not edit. -->

The console is where Portcullis is looked at and changed, with any client of PostgreSQL. Its statements are those of
Ocient for integrations and connectivity pools, those of CockroachDB for cluster settings, PgBouncer's commands, and
ours.

## How to get in

Connect to the database \`system\`, \`portcullis\` or \`pgbouncer\`, by any connectivity pool. One of these names that
\`databases\` has with an upstream is that database, and the others are the console still. There are three ways in:

By single sign-on, with a token or a browser as for every database:

\`\`\`yaml
console: { admin_groups: [dba], stats_groups: [monitoring] }
\`\`\`

\`\`\`sh
PGPASSWORD="$(get-a-token)" psql "host=db.example.com port=6432 dbname=system user=alice sslmode=verify-full"
psql "host=db.example.com port=6432 dbname=system user=sso sslmode=verify-full"
\`\`\`

The token is one of an integration of the database \`system\`. The groups are those of \`groups\`, and their roles do not
matter here: whoever is in one of \`admin_groups\` may do everything, and in one of \`stats_groups\` look at everything.
The user may be anything but one of \`console.users\`.

By a secret, before single sign-on works and when it does not:

\`\`\`yaml
console: { users: { root: { secret: '\${file:/run/secrets/console}', right: admin } } }
\`\`\`

\`\`\`sh
psql "host=db.example.com port=6432 dbname=system user=root sslmode=verify-full"
\`\`\`

It is proved by SCRAM-SHA-256, which every current driver knows, and never asked for in the clear. In place of the
password the file may have the verifier as \`pg_authid\` keeps it. A pool with \`require_sso\` lets such a user in if
\`password_users\` names it.

By a Unix socket, for whoever may open it:

\`\`\`yaml
console: { unix_socket: admin }
connectivity_pools: { local: { participants: [{ node: gw0, socket_directory: /run/portcullis, listen_port: 6432 }] } }
\`\`\`

\`\`\`sh
psql "host=/run/portcullis port=6432 dbname=system user=me"
\`\`\`

Its mode, 0600, is what says who that is: the user that Portcullis runs as, and root. The user of the connection proves
nothing: at the console it is \`unix\`.

\`limits.max_console_sessions\` may be open, besides all other sessions. What a pool says of how long sessions may last
goes for them too.

## With drivers and tools

The console speaks both protocols of PostgreSQL, the simple and the extended one. Parameters (\`$1\`) stand where a literal
may stand. Transactions are accepted, and each statement takes effect by itself all the same: \`ROLLBACK\` undoes nothing,
and says so where there was something. There are no tables, so that \`\\d\` of psql and the trees of graphical tools stay
empty; \`SHOW HELP\` lists what there is. Statements that wait, such as \`PAUSE\`, end with a cancel request (Ctrl-C).

## How statements are written

| | |
|---|---|
| words | in any case; none is reserved |
| names | \`name\`, in lower case as PostgreSQL has it; \`"Name-1"\` as it stands |
| text | \`'it''s'\`, \`E'\\n'\`, \`$tag$...$tag$\`, \`U&'\\00e4'\`; as the value of a property also \`"text"\`, or a plain word |
| numbers | \`10\`, \`-1.5\` |
| true and false | \`true\`, \`on\`, \`false\`, \`off\` |
| durations | as text: \`'30s'\`, \`'1h30m'\` |
| lists | \`['a', 'b']\` or \`('a', 'b')\` |
| maps | \`{ "key" = 'value' }\` or \`{ "key": 'value' }\` |
| parameters | \`$1\` where a literal may stand, in the extended protocol |
| comments | \`-- to the end of the line\` and \`/* these /* nest */ */\` |

Several statements have semicolons between them. With an error in one of them none is executed. An error says where
it is, what may stand there, and which word was probably meant:

\`\`\`
ERROR:  syntax error at or near "PRIORTY"
LINE 1: CREATE CONNECTIVITY_POOL p SOURCE_ADDRESS '0.0.0.0/0' PRIORTY 10
                                                              ^
HINT:  Perhaps you meant PRIORITY. Expected SSO, SOURCE_ADDRESS, PRIORITY, ...
\`\`\`

Secrets, as \`client_secret\` and the token of \`EXPLAIN LOGIN\`, are shown as \`********\` wherever a statement is shown,
and no error repeats what stands in quotes. \`'********'\` itself is no secret: a statement that has it leaves the one
that is there, so that what \`SHOW CREATE\` prints does no harm.

Text is taken as it stands: \`\${env:NAME}\` and \`\${file:path}\` are references only where the file has them, and a
warning says so. A statement with the same text as a reference that is there leaves it in place.

A text may have 65,536 characters and 1,000 statements, a list 1,000 items, and lists and maps may be eight deep.
`

export function consolePage(): string {
  const parts = Object.entries(referenceParts).map(([part, title]) => {
    const entries = Object.values(reference).filter((entry) => entry.part === part)
    const topics = part === 'show' ? `\n${topicTable()}` : ''
    return `## ${title}\n\n${entries.map(section).join('\n')}${topics}`
  })
  return [introduction, ...parts].join('\n')
}

function section({ syntax, does, examples }: StatementReference): string {
  return `\`\`\`text
${syntax.join('\n')}
\`\`\`

${does}

\`\`\`sql
${examples.join('\n')}
\`\`\`
`
}

function topicTable(): string {
  const rows = (Object.entries(showTopics) as [ShowTopic, string][]).map(
    ([name, shows]) => `| \`${name}\` | ${shows} | ${columnNames(name)} |`,
  )
  return `| Topic | Shows | Columns |\n|---|---|---|\n${rows.join('\n')}\n`
}

function columnNames(topic: ShowTopic): string {
  if (!isFleetTopic(topic)) return ''
  return fleetTopics[topic].columns.map(({ name }) => name.replaceAll('_', '\\_')).join(', ')
}
