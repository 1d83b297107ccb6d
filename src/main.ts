#!/usr/bin/env node
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { check } from './cli/check.ts'
import { readConfig } from './cli/read-config.ts'
import { serve } from './cli/serve.ts'
import { readVersion } from './cli/version.ts'
import { Service } from './service.ts'
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
  portcullis serve --config portcullis.yaml`,
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
  .description('read a configuration as serve would, and say what is wrong with it')
  .requiredOption('-c, --config <file>', 'configuration file')
  .action(({ config }: { config: string }) => {
    process.exitCode = check(config)
  })

program
  .command('worker', { hidden: true })
  .description('what serve runs its workers by')
  .action(() => {
    if (process.send === undefined) program.error('worker is started by serve alone')
    runWorker()
  })

await program.parseAsync()
