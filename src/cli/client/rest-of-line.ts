import { Command } from 'commander'

/** A command with one option that takes the rest of the line, whatever it looks like. */
export class RestOfLineCommand extends Command {
  readonly #option: string

  constructor(name: string, option: string) {
    super(name)
    this.#option = option
  }

  override parseOptions(argv: string[]): { operands: string[]; unknown: string[] } {
    const at = argv.indexOf(this.#option)
    if (at === -1) return super.parseOptions(argv)
    const parsed = super.parseOptions(argv.slice(0, at))
    this.setOptionValueWithSource(this.#option.replace(/^--/, ''), argv.slice(at + 1), 'cli')
    return parsed
  }
}
