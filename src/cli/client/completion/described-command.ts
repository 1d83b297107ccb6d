// What there is to complete, read off the tree of commands.
import type { Command, Help } from 'commander'

export interface DescribedCommand {
  /** The names that lead to it, `profiles show`; empty for the program. */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly options: readonly DescribedOption[]
  /** Whether its arguments are a command with arguments of its own. */
  readonly takesCommand: boolean
  /** What its first argument can be. */
  readonly values: Values
}

export interface DescribedOption {
  /** `-p` and `--profile`. */
  readonly flags: readonly string[]
  readonly description: string
  readonly takesValue: boolean
  readonly values: Values
}

/** What can stand there: some words, the name of a profile, or what shells complete by themselves. */
export type Values = readonly string[] | 'profiles' | 'any'

export function describeCommands(program: Command): readonly DescribedCommand[] {
  return describe(program, '', program.createHelp())
}

function describe(command: Command, path: string, help: Help): readonly DescribedCommand[] {
  const children = help.visibleCommands(command).filter((child) => child.name() !== 'help')
  const [first] = command.registeredArguments
  const described: DescribedCommand = {
    path,
    commands: children.map((child) => ({ name: child.name(), description: child.description() })),
    options: help.visibleOptions(command).map((option) => ({
      flags: [option.short, option.long].filter((flag) => flag !== undefined),
      description: option.description,
      takesValue: option.required || option.optional,
      values: valuesOf(option.argChoices, option.long === '--profile'),
    })),
    takesCommand: first?.name() === 'command',
    values: valuesOf(first?.argChoices, first?.name() === 'profile'),
  }
  const below = children.flatMap((child) =>
    describe(child, path === '' ? child.name() : `${path} ${child.name()}`, help),
  )
  return [described, ...below]
}

function valuesOf(choices: readonly string[] | undefined, isProfile: boolean): Values {
  return isProfile ? 'profiles' : (choices ?? 'any')
}
