// What people and programs run that connect. Each action loads what it needs, and no other command's.
import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import { addAgentCommand } from './agent-commands.ts'
import { type Shell, shells } from './cli/client/completion/shells.ts'
import {
  completionHelp,
  execHelp,
  loginHelp,
  logoutHelp,
  pgpassHelp,
  profilesHelp,
  psqlHelp,
  serviceHelp,
  statusHelp,
  tokenHelp,
  urlHelp,
} from './cli/client/help.ts'
import { flows, type LoginOptions, stores, workloads } from './cli/client/login-options.ts'
import type { LogoutOptions } from './cli/client/logout.ts'
import { type ClientOptions, tokenFormats } from './cli/client/options.ts'
import type { PgpassOptions } from './cli/client/pgpass.ts'
import { RestOfLineCommand } from './cli/client/rest-of-line.ts'
import type { ServiceOptions } from './cli/client/service.ts'
import type { StatusOptions } from './cli/client/status.ts'
import type { TokenOptions } from './cli/client/token.ts'
import type { UrlOptions } from './cli/client/url.ts'

export function addClientCommands(program: Command): void {
  addLogin(program)
  addTokens(program)
  addSettings(program)
  addAgentCommand(program)
  addProfiles(program)
}

function addTokens(program: Command): void {
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
}

function addSettings(program: Command): void {
  clientCommand(program, 'url', 'print a URL that connects, with a token as its password')
    .option('--no-token', 'without one')
    .option('--jdbc', 'as pgjdbc reads it')
    .option('--database <name>', 'database to connect to')
    .option('--user <name>', 'user to connect as')
    .addHelpText('after', urlHelp)
    .action(async (options: UrlOptions) => {
      const { printUrl } = await import('./cli/client/url.ts')
      process.exitCode = await printUrl(options)
    })

  clientCommand(program, 'pgpass', "write a token into libpq's password file")
    .option('--file <file>', 'which one (default: PGPASSFILE, else ~/.pgpass)')
    .addOption(new Option('--watch', 'write it anew ahead of expiry, until a signal'))
    .addOption(new Option('--remove', 'take the line out').conflicts('watch'))
    .addHelpText('after', pgpassHelp)
    .action(async (options: PgpassOptions) => {
      const { writePgpass } = await import('./cli/client/pgpass.ts')
      process.exitCode = await writePgpass(options)
    })

  program
    .command('service')
    .description('print a section for pg_service.conf')
    .addOption(profileOption())
    .option('--name <name>', 'name of the service (default: that of the profile)')
    .option('--database <name>', 'database to connect to')
    .option('--user <name>', 'user to connect as')
    .option('--write', 'put it into PGSERVICEFILE, else ~/.pg_service.conf')
    .addHelpText('after', serviceHelp)
    .action(async (options: ServiceOptions) => {
      const { printService } = await import('./cli/client/service.ts')
      process.exitCode = await printService(options)
    })
}

function addProfiles(program: Command): void {
  program
    .command('status')
    .description('say who is signed in, as whom and until when')
    .addOption(profileOption())
    .addOption(outputOption())
    .addHelpText('after', statusHelp)
    .action(async (options: StatusOptions) => {
      const { printStatus } = await import('./cli/client/status.ts')
      process.exitCode = await printStatus(options)
    })

  program
    .command('logout')
    .description('forget the tokens, and tell the provider')
    .addOption(profileOption())
    .option('--all', 'of every profile')
    .option('--forget', 'and the profile')
    .addHelpText('after', logoutHelp)
    .action(async (options: LogoutOptions) => {
      const { logOut } = await import('./cli/client/logout.ts')
      process.exitCode = await logOut(options)
    })

  const profiles = program
    .command('profiles')
    .description('the gateways that are known')
    .addHelpText('after', profilesHelp)

  profiles
    .command('list', { isDefault: true })
    .description('their names')
    .addOption(outputOption())
    .addHelpText('after', profilesHelp)
    .action(async (options: { readonly output: 'text' | 'json' }) => {
      const { listProfiles } = await import('./cli/client/profiles.ts')
      process.exitCode = await listProfiles(options)
    })

  profiles
    .command('show')
    .description('what one of them says')
    .argument('[profile]', 'its name (default: the one that commands mean)')
    .addHelpText('after', profilesHelp)
    .action(async (name: string | undefined) => {
      const { showProfile } = await import('./cli/client/profiles.ts')
      process.exitCode = await showProfile(name)
    })

  profiles
    .command('use')
    .description('make one of them the default')
    .argument('<profile>', 'its name')
    .addHelpText('after', profilesHelp)
    .action(async (name: string) => {
      const { useProfile } = await import('./cli/client/profiles.ts')
      process.exitCode = await useProfile(name)
    })

  profiles
    .command('remove')
    .description('forget one of them, and its tokens')
    .argument('<profile>', 'its name')
    .addHelpText('after', profilesHelp)
    .action(async (name: string) => {
      const { removeProfile } = await import('./cli/client/profiles.ts')
      process.exitCode = await removeProfile(name)
    })

  program
    .command('completion')
    .description('print what makes a shell complete these commands')
    .addArgument(new Argument('<shell>', 'which one').choices(shells))
    .addHelpText('after', completionHelp)
    .action(async (shell: Shell) => {
      const { printCompletion } = await import('./cli/client/completion/print.ts')
      process.exitCode = printCompletion(shell, program)
    })
}

function outputOption(): Option {
  return new Option('-o, --output <format>', 'format').choices(['text', 'json']).default('text')
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
