#!/usr/bin/env node
import { fileURLToPath } from 'node:url'
import { Command, Option } from 'commander'
import { caInit, caPgConfig, initHelp, type InitOptions, pgConfigHelp } from './cli/ca.ts'
import {
  catalogApply,
  catalogApplyHelp,
  type CatalogCommandOptions,
  catalogDiff,
  catalogDiffHelp,
  catalogExport,
  catalogExportHelp,
} from './cli/catalog.ts'
import { check, checkHelp, type CheckOptions } from './cli/check.ts'
import { doctor, type DoctorCommandOptions, doctorHelp } from './cli/doctor.ts'
import { explain, explainHelp, type ExplainOptions } from './cli/explain.ts'
import {
  applyHelp,
  diffHelp,
  grantsApply,
  type GrantsCommandOptions,
  grantsDiff,
} from './cli/grants.ts'
import { readConfig } from './cli/read-config.ts'
import { serve } from './cli/serve.ts'
import { killSessions, listSessions, sessionsHelp, type SessionsOptions } from './cli/sessions.ts'
import { readVersion } from './cli/version.ts'
import { inspect } from './inspection/inspect.ts'
import { replayLogin } from './replay-login.ts'
import { Service } from './service.ts'
import { readAuthorities } from './upstream/certificate-authority.ts'
import { runWorker } from './worker.ts'

const version = readVersion()
const program = new Command('portcullis')
  .description(
    'The single-sign-on gate for PostgreSQL: a token of your identity provider is the password.',
  )
  .version(version, '-V, --version')
  .showHelpAfterError('(portcullis --help shows what there is)')
  .addHelpText(
    'after',
    `
Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration.

Examples:
  portcullis check --config portcullis.yaml
  portcullis serve --config portcullis.yaml
  get-a-token | portcullis explain --config portcullis.yaml --user app_readonly`,
  )
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 64)
  })

program
  .command('serve')
  .description('run the gate until SIGTERM; SIGHUP reloads the configuration')
  .requiredOption('-c, --config <file>', 'configuration file')
  .action(async ({ config }: { config: string }) => {
    const code = await serve(
      () =>
        new Service({ file: config, readConfig, version, program: fileURLToPath(import.meta.url) }),
    )
    process.exit(code)
  })

program
  .command('check')
  .description('say what is wrong with a configuration, and with what it leads to')
  .requiredOption('-c, --config <file>', 'configuration file')
  .option('--offline', 'ask no provider and no database')
  .addOption(outputOption())
  .addHelpText('after', checkHelp)
  .action(async (options: CheckOptions) => {
    process.exitCode = await check(options, inspect)
  })

program
  .command('explain')
  .description('say whether a token would log in as what, or why not and what to do about it')
  .argument('[token]', 'the token, or whatever is used as the password; - reads standard input')
  .requiredOption('-c, --config <file>', 'configuration file')
  .option('-u, --user <user>', 'user of the connection (default: id_token)')
  .option('-d, --database <name>', 'database (default: the first one with an upstream)')
  .option('--from <address>', 'IP address of the client', '127.0.0.1')
  .option('--listener <address:port>', 'listener (default: the first one of this node)')
  .option('--options <options>', 'startup options of the client, as in PGOPTIONS')
  .option('--certificate <file>', 'client certificate, as in PGSSLCERT (default: none)')
  .addOption(outputOption())
  .option('--offline', 'ask no provider: only with `jwks` or `jwks_file` is the signature checked')
  .addHelpText('after', explainHelp)
  .action(async (token: string | undefined, options: ExplainOptions) => {
    process.exitCode = await explain(token, options, replayLogin)
  })

program
  .command('doctor')
  .description('try to reach the databases around this gate, and say what closes each way')
  .requiredOption('-c, --config <file>', 'configuration file')
  .option('-d, --database <name...>', 'databases of the catalog (default: all)')
  .option('-u, --user <role>', 'role that may read pg_hba.conf at the server (default: PGUSER)')
  .option('--password-file <file>', 'file with its password (default: PGPASSWORD)')
  .option('--outside', 'nobody should be let in from this machine')
  .option('--timeout <seconds>', 'after this nothing new is tried', '120')
  .addOption(outputOption())
  .addHelpText('after', doctorHelp)
  .action(async (options: DoctorCommandOptions) => {
    const { examine } = await import('./inspection/examine.ts')
    process.exitCode = await doctor(options, examine)
  })

const ca = program
  .command('ca')
  .description('the authority that signs the certificates by which roles log in upstream')

ca.command('init')
  .description('make a new authority: a certificate and its key')
  .option('--certificate <file>', 'where the certificate is written', 'upstream-ca.crt')
  .option('--key <file>', 'where the key is written', 'upstream-ca.key')
  .option('--name <name>', 'common name of the authority (default: one with a random number)')
  .option('--days <number>', 'how long it is valid', '3650')
  .addHelpText('after', initHelp)
  .action(async (options: InitOptions) => {
    const { mintAuthority } = await import('./upstream/mint-certificate.ts')
    process.exitCode = await caInit(options, mintAuthority)
  })

ca.command('pg-config')
  .description('print what PostgreSQL needs: pg_hba.conf, pg_ident.conf, settings')
  .requiredOption('-c, --config <file>', 'configuration file')
  .option('--from <network...>', 'where Portcullis connects from (default: anywhere)')
  .addHelpText('after', pgConfigHelp)
  .action(({ config, from = [] }: { config: string; from?: string[] }) => {
    const read = (path: string): string => readAuthorities(path).map(String).join('')
    process.exitCode = caPgConfig({ config, from }, read)
  })

const grants = program
  .command('grants')
  .description('the roles of the groups, and what they may do in the databases')

grantsCommand('diff', 'print the statements that `grants` of the catalog needs')
  .addHelpText('after', diffHelp)
  .action(async (options: GrantsCommandOptions) => {
    process.exitCode = await grantsDiff(options)
  })

grantsCommand('apply', 'show the statements that `grants` of the catalog needs, ask, run them')
  .option('--yes', 'do not ask')
  .addHelpText('after', applyHelp)
  .action(async (options: GrantsCommandOptions) => {
    process.exitCode = await grantsApply(options)
  })

program
  .command('diff')
  .description('say what apply would change of the catalog')
  .requiredOption('-c, --config <file>', 'configuration file')
  .requiredOption('-f, --file <file>', 'file with sections of the catalog; - reads standard input')
  .addHelpText('after', catalogDiffHelp)
  .action(async (options: CatalogCommandOptions) => {
    process.exitCode = await catalogDiff(options)
  })

program
  .command('apply')
  .description('make the catalog what a file says')
  .requiredOption('-c, --config <file>', 'configuration file')
  .requiredOption('-f, --file <file>', 'file with sections of the catalog; - reads standard input')
  .option('--expect-version <number>', 'only if the catalog is still this version')
  .option('--yes', 'do not ask')
  .addHelpText('after', catalogApplyHelp)
  .action(async (options: CatalogCommandOptions) => {
    process.exitCode = await catalogApply(options)
  })

program
  .command('export')
  .description('print the catalog as it is in use, without secrets')
  .requiredOption('-c, --config <file>', 'configuration file')
  .addHelpText('after', catalogExportHelp)
  .action(async (options: { config: string }) => {
    process.exitCode = await catalogExport(options)
  })

const sessions = program
  .command('sessions')
  .description('the sessions that are open, by the control socket of the service')

sessionsCommand(sessions.command('list').description('show the sessions that are open'))
  .option('--limit <number>', 'show so many at most', '1000')
  .action(async (options: SessionsOptions) => {
    process.exitCode = await listSessions(options)
  })

sessionsCommand(sessions.command('kill').description('end the sessions that are selected')).action(
  async (options: SessionsOptions) => {
    process.exitCode = await killSessions(options)
  },
)

program
  .command('worker', { hidden: true })
  .description('what serve runs its workers by')
  .action(() => {
    if (process.send === undefined) program.error('worker is started by serve alone')
    runWorker()
  })

await program.parseAsync()

function grantsCommand(name: string, description: string): Command {
  return grants
    .command(name)
    .description(description)
    .requiredOption('-c, --config <file>', 'configuration file')
    .option('-d, --database <name...>', 'databases of the catalog (default: all)')
    .option('-u, --user <role>', 'role that grants (default: PGUSER)')
    .option('--password-file <file>', 'file with its password (default: PGPASSWORD)')
    .option('--prune', 'revoke what these roles have and the catalog does not name')
}

function sessionsCommand(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file, which names the control socket')
    .option('--socket <path>', 'the control socket itself')
    .option('--session <id>', 'the session with this id, as in the log and the audit')
    .option('--issuer <url>', 'sessions by tokens of this issuer')
    .option('--subject <sub>', 'of this subject; unique only with its issuer')
    .option('--principal <name>', 'of the identity with this name')
    .option('--role <role>', 'as this role')
    .option('--group <group>', 'of identities in this group of the catalog')
    .option('--integration <name>', 'by this integration')
    .option('--pool <name>', 'by this connectivity pool')
    .option('--database <name>', 'of this database')
    .option('--token-id <jti>', 'by the token with this id (jti)')
    .option('--token-id-hash <hash>', 'the same, by the hash in the audit')
    .option('--address <network>', 'from this address or range of addresses')
    .addOption(outputOption())
    .addHelpText('after', sessionsHelp)
}

function outputOption(): Option {
  return new Option('-o, --output <format>', 'format').choices(['text', 'json']).default('text')
}
