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

The statements that the console reads: those of Ocient for integrations and connectivity pools, those of
CockroachDB for cluster settings, PgBouncer's commands, and ours. This version has the grammar; there is no
connection to the console yet.

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
