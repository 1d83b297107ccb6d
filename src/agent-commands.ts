import { type Command, InvalidArgumentError } from 'commander'
import type { AgentCommandOptions } from './cli/client/agent.ts'

export function addAgentCommand(program: Command): void {
  program
    .command('agent')
    .description(
      'listen on this machine, and give each connection a fresh token on its way to the gateway',
    )
    .option('-p, --profile <name>', 'profile (default: PORTCULLIS_PROFILE, else the default one)')
    .option(
      '--socket <path>',
      'folder or file of the Unix socket (default: portcullis in XDG_RUNTIME_DIR)',
    )
    .option(
      '--socket-mode <mode>',
      'who may connect to it, as permissions of a file (default: 0600)',
    )
    .option(
      '--listen <address:port...>',
      'listen on the loopback interface, in place of the socket: 127.0.0.1:5432, [::1]:5432 or localhost:5432',
    )
    .option('--any-user', 'let all users of this machine connect to the port')
    .option('-U, --user <name>', 'connect as this user, whatever the client says')
    .option('-d, --database <name>', 'connect to this database, whatever the client says')
    .option('--keep-names', 'take what the client names, even where its library has named it')
    .option('--connect-timeout <seconds>', 'how long a client waits for the gateway', seconds, 15)
    .option('--drain <seconds>', 'how long sessions have to end, when it is stopped', seconds, 5)
    .option('--max-sessions <count>', 'most connections at the same time', count, 1000)
    .option('-q, --quiet', 'do not say where it listens')
    .addHelpText(
      'after',
      `
Examples:
  portcullis agent
  psql -h $XDG_RUNTIME_DIR/portcullis

  portcullis agent --listen localhost:5432
  psql -h localhost`,
    )
    .action(async (options: AgentCommandOptions) => {
      const { runAgent } = await import('./cli/client/agent.ts')
      process.exit(await runAgent(options))
    })
}

function seconds(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It has to be a number of seconds.')
  return Number(text)
}

function count(text: string): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (value < 1) throw new InvalidArgumentError('It has to be a number from 1 on.')
  return value
}
