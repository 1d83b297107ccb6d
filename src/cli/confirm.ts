import { createInterface } from 'node:readline/promises'

/** Asks at the terminal; whatever is not yes is no. */
export async function isConfirmed(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    const answer = await terminal.question(`${question} [yes/no] `)
    return answer.trim().toLowerCase() === 'yes'
  } finally {
    terminal.close()
  }
}
