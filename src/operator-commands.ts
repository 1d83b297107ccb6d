// What an operator asks of a running gate, or of what it has left behind.
import { type Command, Option } from 'commander'
import type { LogLevelOptions } from './cli/log-level.ts'
import { logLevelHelp, supportBundleHelp, whyHelp } from './cli/operator-help.ts'
import type { SupportBundleOptions } from './cli/support-bundle.ts'
import type { WhyOptions } from './cli/why.ts'

export function addOperatorCommands(program: Command, version: string): void {
  program
    .command('why')
    .description('say why logins were refused, and what to do about it')
    .argument('[reference]', 'the session that the client was told')
    .option('-c, --config <file>', 'configuration file, which names audit file and control socket')
    .option('--socket <path>', 'the control socket itself')
    .option('--file <file...>', 'audit files, in place of that of the configuration')
    .option('--at <time>', 'when it was, such as 14:02')
    .option('--who <name>', 'who it was')
    .option('--from <network>', 'from which address or range of addresses')
    .option('--limit <number>', 'show so many at most', '5')
    .addOption(
      new Option('-o, --output <format>', 'format').choices(['text', 'json']).default('text'),
    )
    .addHelpText('after', whyHelp)
    .action(async (reference: string | undefined, options: WhyOptions) => {
      const { why } = await import('./cli/why.ts')
      process.exitCode = await why(reference, options)
    })

  program
    .command('log-level')
    .description('show the level of the log of the gate of this machine, or change it for a while')
    .argument('[level]', 'debug, info, warn or error')
    .option('-c, --config <file>', 'configuration file, which names the control socket')
    .option('--socket <path>', 'the control socket itself')
    .option('--for <duration>', 'then it is the configured one again (default: until a reload)')
    .addHelpText('after', logLevelHelp)
    .action(async (level: string | undefined, options: LogLevelOptions) => {
      const { logLevel } = await import('./cli/log-level.ts')
      process.exitCode = await logLevel(level, options)
    })

  program
    .command('support-bundle')
    .description('write an archive for somebody who helps: how the gate is, and no secret')
    .requiredOption('-c, --config <file>', 'configuration file')
    .option('--out <file>', 'the archive (default: portcullis-support-<time>.tar.gz, here)')
    .option('--with-names', 'with the names and addresses of those who were refused')
    .addHelpText('after', supportBundleHelp)
    .action(async (options: SupportBundleOptions) => {
      const { supportBundle } = await import('./cli/support-bundle.ts')
      const { inspect } = await import('./inspection/inspect.ts')
      process.exitCode = await supportBundle(options, version, inspect)
    })
}
