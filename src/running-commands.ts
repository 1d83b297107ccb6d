// What starts, watches and stops a gate runs these: service managers, container engines, scripts.
import type { Command } from 'commander'
import { healthcheckHelp, shutdownHelp, waitHelp } from './cli/running-help.ts'
import type { HealthcheckOptions, WaitOptions } from './cli/health.ts'
import type { ShutdownOptions } from './cli/shutdown.ts'

export function addRunningCommands(program: Command): void {
  healthCommand(program.command('wait').description('wait until the gate takes connections'))
    .option('--timeout <duration>', 'for how long', '60s')
    .addHelpText('after', waitHelp)
    .action(async (options: WaitOptions) => {
      const { waitUntilReady } = await import('./cli/health.ts')
      process.exitCode = await waitUntilReady(options)
    })

  healthCommand(
    program.command('healthcheck').description('ask once whether the gate takes connections'),
  )
    .option('--live', 'ask whether it runs at all: a restart is what helps where it does not')
    .option('--timeout <duration>', 'for the answer', '3s')
    .addHelpText('after', healthcheckHelp)
    .action(async (options: HealthcheckOptions) => {
      const { healthcheck } = await import('./cli/health.ts')
      process.exitCode = await healthcheck(options)
    })

  program
    .command('shutdown')
    .description('have the gate of this machine stop, by its control socket')
    .option('-c, --config <file>', 'configuration file, which names the control socket')
    .option('--socket <path>', 'the control socket itself')
    .option('--now', 'end the sessions that are open, and those that drain already')
    .option('--wait', 'until its process is gone')
    .option('--timeout <duration>', 'of --wait (default: what it gives to sessions, and 10s)')
    .addHelpText('after', shutdownHelp)
    .action(async (options: ShutdownOptions) => {
      const { shutDown } = await import('./cli/shutdown.ts')
      process.exitCode = await shutDown(options)
    })
}

function healthCommand(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file, which says where `http` is')
    .option('--url <url>', 'where it is, such as http://127.0.0.1:8432')
}
