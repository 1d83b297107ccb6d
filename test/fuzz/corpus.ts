// The inputs worth keeping, one file for each target: a line is one input in hexadecimal.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

function fileOf(target: string): string {
  return fileURLToPath(new URL(`corpus/${target}.txt`, import.meta.url))
}

export function readCorpus(target: string): readonly Buffer[] {
  let text: string
  try {
    text = readFileSync(fileOf(target), 'utf8')
  } catch {
    return []
  }
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => Buffer.from(line, 'hex'))
}

export function writeCorpus(target: string, inputs: readonly Buffer[]): void {
  const lines = [...new Set(inputs.map((input) => input.toString('hex')))]
  lines.sort((one, other) => one.length - other.length || (one < other ? -1 : 1))
  writeFileSync(fileOf(target), lines.map((line) => `${line}\n`).join(''))
}
