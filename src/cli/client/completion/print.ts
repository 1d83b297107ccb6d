import type { Command } from 'commander'
import { bashCompletion } from './bash.ts'
import { type DescribedCommand, describeCommands } from './described-command.ts'
import { fishCompletion } from './fish.ts'
import type { Shell } from './shells.ts'
import { zshCompletion } from './zsh.ts'

const scripts: Readonly<Record<Shell, (commands: readonly DescribedCommand[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
}

export function printCompletion(shell: Shell, program: Command): number {
  process.stdout.write(scripts[shell](describeCommands(program)))
  return 0
}
