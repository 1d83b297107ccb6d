// How somebody at a terminal is asked to sign in. All of it goes to standard error: what is on standard output is
// what a command prints.
import { styleText } from 'node:util'
import yoctoSpinner from 'yocto-spinner'
import type { Environment } from '../../credentials/environment.ts'
import type { Interaction } from '../../credentials/interaction.ts'
import { printable } from '../../refusal.ts'
import { hasBrowser, openInBrowser } from './browser.ts'

const longestLine = 4_000

/** Whether there is somebody to be asked. */
export function canAsk(environment: Environment, isAllowed = true): boolean {
  return isAllowed && process.stdin.isTTY && process.stderr.isTTY && !isUnattended(environment)
}

/** As services of continuous integration say it of themselves. */
export function isUnattended({ CI }: Environment): boolean {
  return CI !== undefined && CI !== '' && CI !== 'false' && CI !== '0'
}

/** For whoever reads standard error, at a terminal or in the log of it. */
export function createInteraction(
  environment: Environment,
  { useBrowser = true }: { readonly useBrowser?: boolean | undefined } = {},
): Interaction {
  const show = (lines: readonly string[]): void => {
    for (const line of lines) process.stderr.write(`${emphasized(line)}\n`)
  }
  return {
    openBrowser: async (url) => {
      if (!useBrowser || !canAsk(environment) || !hasBrowser(environment)) return false
      return openInBrowser(url, environment)
    },
    show,
    waiting,
  }
}

/** A line that is an address, or a code alone, is what has to be copied. */
function emphasized(line: string): string {
  const text = printable(line, longestLine)
  const isToCopy = /^\s*(https?:\/\/\S+|[A-Z0-9]{4}(-[A-Z0-9]{4})+)$/.test(text)
  return isToCopy ? styleText('bold', text, { stream: process.stderr }) : text
}

function waiting(what: string): () => void {
  const text = printable(what, longestLine)
  if (!process.stderr.isTTY) {
    process.stderr.write(`${text}\n`)
    return () => {}
  }
  const spinner = yoctoSpinner({ text, stream: process.stderr }).start()
  return () => {
    spinner.stop()
  }
}
