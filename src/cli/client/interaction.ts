// How somebody at a terminal is asked to sign in.
import type { Environment } from '../../credentials/environment.ts'
import type { Interaction } from '../../credentials/interaction.ts'
import { printable } from '../../refusal.ts'

const longestLine = 2_000

/** Undefined where nobody is there to be asked. */
export function interactionOf(
  environment: Environment,
  { isAllowed = true }: { readonly isAllowed?: boolean | undefined } = {},
): Interaction | undefined {
  if (!isAllowed || !process.stdin.isTTY || !process.stderr.isTTY) return undefined
  if (isContinuousIntegration(environment)) return undefined
  return interactionWith()
}

function isContinuousIntegration({ CI }: Environment): boolean {
  return CI !== undefined && CI !== '' && CI !== 'false' && CI !== '0'
}

/** For whoever reads standard error, be it a terminal or not. */
export function interactionWith(): Interaction {
  return {
    openBrowser: async () => Promise.resolve(false),
    show: (lines) => {
      for (const line of lines) process.stderr.write(`${printable(line, longestLine)}\n`)
    },
    waiting: (what) => {
      process.stderr.write(`${printable(what, longestLine)}...\n`)
      return () => {}
    },
  }
}
