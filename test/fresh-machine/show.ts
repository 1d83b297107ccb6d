import type { Block } from './document.ts'

/** What somebody typed, and what they saw. */
export function show({ scenario, line, text }: Block, shown: string, isGood: boolean): void {
  const typed = text.trimEnd().split('\n')
  const seen = shown.trim().split('\n')
  const lines = [
    ``,
    `${isGood ? 'ok' : 'FAILED'} ${scenario} (docs/clients.md:${line})`,
    ...typed.map((one) => `  $ ${one}`),
    ...seen.map((one) => `    ${one.trimEnd()}`),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
