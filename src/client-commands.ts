// What people and programs run that connect. Each action loads what it needs, and no other command's.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { addAgentCommand } from './agent-commands.ts'
import { execHelp, loginHelp, psqlHelp, tokenHelp } from './cli/client/help.ts'
import { flows, type LoginOptions, stores, workloads } from './cli/client/login-options.ts'
import type { ClientOptions } from './cli/client/options.ts'
import { RestOfLineCommand } from './cli/client/rest-of-line.ts'
import type { TokenOptions } from './cli/client/token.ts'

const tokenFormats = ['raw', 'json', 'env', 'pgpass', 'exec']

export function addClientCommands(program: Command): void {
  addLogin(program)

  clientCommand(program, 'token', 'print a token that is good, the password of the next connection')
    .addOption(
      new Option('-f, --format <format>', 'how it is printed').choices(tokenFormats).default('raw'),
    )
    .option('--session', 'the token of the gateway, whatever the profile says')
    .option('--no-session', 'the token of the identity provider')
    .option('--fresh', 'a new one, however good the last one still is')
    .option('--min-validity <seconds>', 'for how long it is good at the least', seconds, 60)
    .addHelpText('after', tokenHelp)
    .action(async (options: TokenOptions) => {
      const { printToken } = await import('./cli/client/token.ts')
      process.exitCode = await printToken(options)
    })

  clientCommand(program, 'psql', 'run psql, signed in')
    .argument('[arguments...]', 'of psql; options of ours go before them')
    // -h is the host for psql.
    .helpOption('--help', 'display help for command')
    .passThroughOptions()
    .allowUnknownOption()
    .addHelpText('after', psqlHelp)
    .action(async (args: readonly string[], options: ClientOptions) => {
      const { runWithToken } = await import('./cli/client/exec.ts')
      process.exitCode = await runWithToken(['psql', ...args], options)
    })

  clientCommand(program, 'exec', 'run a program that finds in its environment how to connect')
    .usage('[options] -- <command> [arguments...]')
    .argument('<command>', 'program to run')
    .argument('[arguments...]', 'its arguments')
    .passThroughOptions()
    .addHelpText('after', execHelp)
    .action(async (command: string, args: readonly string[], options: ClientOptions) => {
      const { runWithToken } = await import('./cli/client/exec.ts')
      process.exitCode = await runWithToken([command, ...args], options)
    })

  addAgentCommand(program)
}

function addLogin(program: Command): void {
  const login = new RestOfLineCommand('login', '--command')
  login
    .copyInheritedSettings(program)
    .description('sign in, and keep how that is done as a profile')
    .argument('[gateway]', 'its name, name:port or https address; without it, the profile again')
    .addOption(profileOption())
    .option('--no-default', 'do not make it the default profile')
    .option('--database <name>', 'database to connect to')
    .option('--user <name>', 'user to connect as')
    .option('--host <host...>', 'where clients of PostgreSQL connect, if not as the gateway says')
    .option('--port <port>', 'and the port there', portNumber)
    .option('--pool <name>', 'connectivity pool of the gateway')
    .option('--integration <name>', 'integration of the gateway')
    .addOption(new Option('--flow <flow>', 'how to sign in').choices(flows))
    .option('--no-browser', 'sign in on another device')
    .option('--session', 'exchange the token for the compact one of the gateway')
    .option('--no-session', 'use the token of the identity provider')
    .addOption(new Option('--store <store>', 'where tokens are kept').choices(stores))
    .option('--ca-file <file>', 'authorities that gateway and provider are trusted by')
    .option('--issuer <url>', 'identity provider')
    .option('--client-id <id>', 'client of the identity provider')
    .option('--client-secret-file <file>', 'file with the secret of the client')
    .option('--client-secret-env <name>', 'variable with the secret of the client')
    .option('--scope <scope...>', 'scopes to ask for')
    .option('--audience <audience>', 'for whom the token is to be')
    .option('--access-token', 'the access token is the password, not the ID token')
    .addOption(new Option('--workload <kind>', 'identity of this machine').choices(workloads))
    .option('--token-file <file>', 'file with a token, written anew by something else')
    .option('--token-env <name>', 'variable with a token')
    .option('--username <name>', 'user name of the deprecated password grant')
    .option('--password-file <file>', 'file with the password')
    .option('--password-env <name>', 'variable with the password')
    .option('--allow-deprecated-password-grant', 'do it all the same')
    .option('--command <program...>', 'program that prints a token, with its arguments: goes last')
    .addHelpText('after', loginHelp)
    .action(async (gateway: string | undefined, options: LoginOptions) => {
      const { logIn } = await import('./cli/client/login.ts')
      process.exitCode = await logIn(gateway, options)
    })
  program.addCommand(login)
}

function clientCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .addOption(profileOption())
    .option('--no-interaction', 'never ask anybody to sign in')
}

function profileOption(): Option {
  return new Option(
    '-p, --profile <name>',
    'profile (default: PORTCULLIS_PROFILE, else the default one)',
  )
}

function seconds(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It has to be a number of seconds.')
  return Number(text)
}

function portNumber(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) throw new InvalidArgumentError('It has to be a port.')
  return port
}
