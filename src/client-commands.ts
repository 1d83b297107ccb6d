// What people and programs run that connect. Each action loads what it needs, and no other command's.
import type { Command } from 'commander'
import type { TokenOptions } from './cli/client/token.ts'

export function addClientCommands(program: Command): void {
  program
    .command('token')
    .description('print a token that is good, the password of the next connection')
    .option('-p, --profile <name>', 'profile (default: PORTCULLIS_PROFILE, else the default one)')
    .action(async (options: TokenOptions) => {
      const { printToken } = await import('./cli/client/token.ts')
      process.exitCode = await printToken(options)
    })
}
