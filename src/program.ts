// The command line as a tree of commands, which is also what its completion and its documentation are made of.
import { Command, type CommanderError } from 'commander'
import { addClientCommands } from './client-commands.ts'
import { addGatewayCommands } from './gateway-commands.ts'

export function createProgram(version: string, exit: (error: CommanderError) => never): Command {
  const program = new Command('portcullis')
    .description(
      'The single-sign-on gate for PostgreSQL: a token of your identity provider is the password.',
    )
    .version(version, '-V, --version')
    .showHelpAfterError('(portcullis --help shows what there is)')
    .enablePositionalOptions()
    // Commands take it over when they are made.
    .exitOverride(exit)
    .addHelpText(
      'after',
      `
Exit codes: 0 done, 1 failed, 64 wrong usage, 67 a sign-in is needed, 69 not reachable, 77 refused, 78 wrong
configuration.

Examples:
  portcullis login db.example.com
  portcullis psql
  portcullis check --config portcullis.yaml
  portcullis serve --config portcullis.yaml`,
    )
  program.commandsGroup('For whoever connects:')
  addClientCommands(program)
  program.commandsGroup('For whoever runs the gate:')
  addGatewayCommands(program, version)
  return program
}
