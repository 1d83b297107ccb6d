// docs/command-line.md, written from the tree of commands.
import type { Command } from 'commander'
import { createProgram } from '../src/program.ts'

const introduction = `# The command line

<!-- Written by tools/command-docs.ts from the commands themselves. Do not edit. -->

\`portcullis\` is the command of whoever connects and of whoever runs the gate. Each command has \`--help\`.
[clients.md](clients.md) says how to go about it.

Whatever there is to say to people is on standard error; standard output has what a command was asked for. Colours are
on terminals alone, and not with \`NO_COLOR\`. Nobody is asked anything, and no browser is opened, where standard input
or standard error is no terminal, or where \`CI\` is set.

## Exit codes

The commands of whoever connects:

| code | |
|---|---|
| 0 | done |
| 1 | failed: no browser, nobody signed in in time, a full disk |
| 64 | wrong usage: options or arguments that cannot be |
| 67 | somebody has to sign in, and could not be asked: \`portcullis login\` on a terminal |
| 69 | the provider or the gateway cannot be reached, or gave no answer that is of use |
| 77 | the provider or the gateway said no |
| 78 | the profile is wrong, or not there, or a file is open to others |

\`psql\` and \`exec\` end with the code of the program, 128 and the signal where one ended it, 126 where it cannot be run
and 127 where it is not there. The commands of whoever runs the gate say theirs in their help.

## Environment

| variable | |
|---|---|
| \`PORTCULLIS_PROFILE\` | the profile, where \`--profile\` does not say it |
| \`XDG_CONFIG_HOME\`, \`XDG_CACHE_HOME\`, \`XDG_RUNTIME_DIR\` | where the files below are |
| \`PGDATABASE\`, \`PGUSER\` | before what the profile says; arguments go before them |
| \`PGHOST\`, \`PGPORT\`, \`PGHOSTADDR\`, \`PGSERVICE\`, \`PGSSLMODE\` | do not count: a token goes to the gateway of its profile, and its certificate is verified |
| \`PGSSLROOTCERT\`, \`SSL_CERT_FILE\` | authorities for psql and its like, where the profile has no \`ca_file\`; else those of the system |
| \`PGPASSFILE\`, \`PGSERVICEFILE\` | the files that \`pgpass\` and \`service\` write |
| \`HTTPS_PROXY\`, \`NO_PROXY\` | the way to the provider and to the pages of the gateway |
| \`NO_COLOR\`, \`CI\` | no colours; nobody is asked anything |

Programs that \`psql\` and \`exec\` run have the settings of libpq in their environment, and \`PORTCULLIS_TOKEN_EXPIRES_AT\`.

## Files

| file | |
|---|---|
| \`~/.config/portcullis/profiles/<name>.yaml\` | a profile: no secret is in it |
| \`~/.config/portcullis/default\` | the name of the one that is meant |
| \`~/.cache/portcullis/tokens/\` | tokens, where there is no keyring: for their owner alone, or they are refused |
`

/** Wide enough for the longest line of the help texts, which are wrapped by hand. */
const columns = 120

export function commandsPage(): string {
  const program = createProgram('', (error) => {
    throw error
  })
  const groups = new Map<string, Command[]>()
  for (const command of visible(program)) {
    const title = command.helpGroup()
    groups.set(title, [...(groups.get(title) ?? []), command])
  }
  const parts = [...groups].map(
    ([title, commands]) =>
      `\n## ${title.replace(/:$/, '')}\n${commands.flatMap(leaves).map(section).join('')}`,
  )
  return introduction + parts.join('')
}

function visible(command: Command): readonly Command[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help')
}

/** A command with others below it does nothing by itself. */
function leaves(command: Command): readonly Command[] {
  const below = visible(command)
  return below.length === 0 ? [command] : below.flatMap(leaves)
}

function section(command: Command): string {
  let text = ''
  command.configureOutput({
    getOutHelpWidth: () => columns,
    getOutHasColors: () => false,
    writeOut: (written) => {
      text += written
    },
  })
  command.outputHelp()
  return `\n### ${nameOf(command)}\n\n\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`
}

function nameOf(command: Command): string {
  const parent = command.parent
  return parent?.parent == null ? command.name() : `${nameOf(parent)} ${command.name()}`
}
