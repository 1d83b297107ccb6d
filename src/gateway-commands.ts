// What operators and the gate itself run. Each action loads what it needs, and no other command's.
import { fileURLToPath } from 'node:url'
import { type Command, Option } from 'commander'
import type { AuditVerifyOptions } from './cli/audit.ts'
import type { InitOptions } from './cli/ca.ts'
import type { CatalogCommandOptions } from './cli/catalog.ts'
import type { CheckOptions } from './cli/check.ts'
import type { DoctorCommandOptions } from './cli/doctor.ts'
import type { ExplainOptions } from './cli/explain.ts'
import type { GrantsCommandOptions } from './cli/grants.ts'
import {
  auditVerifyHelp,
  caInitHelp,
  caPgConfigHelp,
  catalogApplyHelp,
  catalogDiffHelp,
  catalogExportHelp,
  checkHelp,
  doctorHelp,
  explainHelp,
  grantsApplyHelp,
  grantsDiffHelp,
  sessionsHelp,
} from './cli/help.ts'
import type { SessionsOptions } from './cli/sessions.ts'
import { addOperatorCommands } from './operator-commands.ts'
import { addRunningCommands } from './running-commands.ts'

/** Workers are begun by it, whichever file began this process. */
const mainFile = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url),
)

export function addGatewayCommands(program: Command, version: string): void {
  program
    .command('serve')
    .description('run the gate until SIGTERM; SIGHUP reloads the configuration')
    .requiredOption('-c, --config <file>', 'configuration file')
    .action(async ({ config }: { config: string }) => {
      const [{ serve }, { readConfig }, { takeServiceManager }, { Service }] = await Promise.all([
        import('./cli/serve.ts'),
        import('./cli/read-config.ts'),
        import('./config/index.ts'),
        import('./service.ts'),
      ])
      const options = { file: config, readConfig, version, program: mainFile }
      const serviceManager = takeServiceManager()
      process.exit(await serve(() => new Service({ ...options, serviceManager })))
    })

  program
    .command('check')
    .description('say what is wrong with a configuration, and with what it leads to')
    .requiredOption('-c, --config <file>', 'configuration file')
    .option('--offline', 'ask no provider and no database')
    .addOption(outputOption())
    .addHelpText('after', checkHelp)
    .action(async (options: CheckOptions) => {
      const { check } = await import('./cli/check.ts')
      const { inspect } = await import('./inspection/inspect.ts')
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
    .option(
      '--offline',
      'ask no provider: only with `jwks` or `jwks_file` is the signature checked',
    )
    .addHelpText('after', explainHelp)
    .action(async (token: string | undefined, options: ExplainOptions) => {
      const { explain } = await import('./cli/explain.ts')
      const { replayLogin } = await import('./replay-login.ts')
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
      const { doctor } = await import('./cli/doctor.ts')
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
    .addHelpText('after', caInitHelp)
    .action(async (options: InitOptions) => {
      const { caInit } = await import('./cli/ca.ts')
      const { mintAuthority } = await import('./upstream/mint-certificate.ts')
      process.exitCode = await caInit(options, mintAuthority)
    })

  ca.command('pg-config')
    .description('print what PostgreSQL needs: pg_hba.conf, pg_ident.conf, settings')
    .requiredOption('-c, --config <file>', 'configuration file')
    .option('--from <network...>', 'where Portcullis connects from (default: anywhere)')
    .addHelpText('after', caPgConfigHelp)
    .action(async ({ config, from = [] }: { config: string; from?: string[] }) => {
      const { caPgConfig } = await import('./cli/ca.ts')
      const { readAuthorities } = await import('./upstream/certificate-authority.ts')
      const read = (path: string): string => readAuthorities(path).map(String).join('')
      process.exitCode = caPgConfig({ config, from }, read)
    })

  const grants = program
    .command('grants')
    .description('the roles of the groups, and what they may do in the databases')

  grantsCommand(grants, 'diff', 'print the statements that `grants` of the catalog needs')
    .addHelpText('after', grantsDiffHelp)
    .action(async (options: GrantsCommandOptions) => {
      const { grantsDiff } = await import('./cli/grants.ts')
      process.exitCode = await grantsDiff(options)
    })

  grantsCommand(
    grants,
    'apply',
    'show the statements that `grants` of the catalog needs, ask, run them',
  )
    .option('--yes', 'do not ask')
    .addHelpText('after', grantsApplyHelp)
    .action(async (options: GrantsCommandOptions) => {
      const { grantsApply } = await import('./cli/grants.ts')
      process.exitCode = await grantsApply(options)
    })

  program
    .command('diff')
    .description('say what apply would change of the catalog')
    .requiredOption('-c, --config <file>', 'configuration file')
    .requiredOption(
      '-f, --file <file>',
      'file with sections of the catalog; - reads standard input',
    )
    .addHelpText('after', catalogDiffHelp)
    .action(async (options: CatalogCommandOptions) => {
      const { catalogDiff } = await import('./cli/catalog.ts')
      const { composeAudit } = await import('./compose-audit.ts')
      process.exitCode = await catalogDiff(options, composeAudit)
    })

  program
    .command('apply')
    .description('make the catalog what a file says')
    .requiredOption('-c, --config <file>', 'configuration file')
    .requiredOption(
      '-f, --file <file>',
      'file with sections of the catalog; - reads standard input',
    )
    .option('--expect-version <number>', 'only if the catalog is still this version')
    .option('--yes', 'do not ask')
    .addHelpText('after', catalogApplyHelp)
    .action(async (options: CatalogCommandOptions) => {
      const { catalogApply } = await import('./cli/catalog.ts')
      const { composeAudit } = await import('./compose-audit.ts')
      process.exitCode = await catalogApply(options, composeAudit)
    })

  program
    .command('export')
    .description('print the catalog as it is in use, without secrets')
    .requiredOption('-c, --config <file>', 'configuration file')
    .addHelpText('after', catalogExportHelp)
    .action(async (options: { config: string }) => {
      const { catalogExport } = await import('./cli/catalog.ts')
      const { composeAudit } = await import('./compose-audit.ts')
      process.exitCode = await catalogExport(options, composeAudit)
    })

  const sessions = program
    .command('sessions')
    .description('the sessions that are open, by the control socket of the service')

  sessionsCommand(sessions.command('list').description('show the sessions that are open'))
    .option('--limit <number>', 'show so many at most', '1000')
    .action(async (options: SessionsOptions) => {
      const { listSessions } = await import('./cli/sessions.ts')
      process.exitCode = await listSessions(options)
    })

  sessionsCommand(
    sessions.command('kill').description('end the sessions that are selected'),
  ).action(async (options: SessionsOptions) => {
    const { killSessions } = await import('./cli/sessions.ts')
    process.exitCode = await killSessions(options)
  })

  addRunningCommands(program)
  addOperatorCommands(program, version)

  const audit = program.command('audit').description('the trail of who was let in, and who was not')
  audit
    .command('verify')
    .description('say whether files of the audit are as they were written (`audit.chain`)')
    .argument('<file...>', 'in the order in which they were written; .gz is unpacked')
    .option('-c, --config <file>', 'configuration file, which has the key of the chain')
    .option('--open', 'the beginning or the end may be elsewhere: the service runs, or files went')
    .addOption(outputOption())
    .addHelpText('after', auditVerifyHelp)
    .action(async (files: string[], options: AuditVerifyOptions) => {
      const { auditVerify } = await import('./cli/audit.ts')
      process.exitCode = await auditVerify(files, options)
    })

  program
    .command('worker', { hidden: true })
    .description('what serve runs its workers by')
    .action(async () => {
      if (process.send === undefined) program.error('worker is started by serve alone')
      const { runWorker } = await import('./worker.ts')
      runWorker()
    })
}

function grantsCommand(grants: Command, name: string, description: string): Command {
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
