import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Machine, Versions } from './machine.ts'
import type { ScenarioName } from './options.ts'
import type { Sample } from './sample.ts'
import { median } from './statistics.ts'
import type { SystemName } from './systems.ts'

/** Everything that a report is made of; the shape of the files in `results`. */
export interface Result {
  readonly takenAt: string
  readonly command: string
  readonly rounds: number
  readonly seconds: number
  readonly machine: Machine
  readonly versions: Versions
  /** TLS version and cipher on the client's leg, as libpq saw them. */
  readonly ciphers: Readonly<Partial<Record<SystemName, string>>>
  readonly pgBouncerSettings: Readonly<Record<string, string>>
  /** What could not be measured on this machine. */
  readonly missing: readonly string[]
  readonly samples: readonly Sample[]
  /** Scenarios that were measured at another time than the rest. */
  readonly added?: readonly Added[]
}

interface Added {
  readonly scenarios: readonly ScenarioName[]
  readonly takenAt: string
  readonly command: string
}

/** A saved result with the scenarios of another one in place of its own. */
export function withAdded(saved: Result, more: Result, scenarios: readonly ScenarioName[]): Result {
  const isReplaced = (name: ScenarioName): boolean => scenarios.includes(name)
  const { takenAt, command } = more
  return {
    ...saved,
    samples: [...saved.samples.filter(({ scenario }) => !isReplaced(scenario)), ...more.samples],
    added: [
      ...(saved.added ?? []).filter((one) => !one.scenarios.every(isReplaced)),
      { scenarios, takenAt, command },
    ],
  }
}

const documentation = fileURLToPath(new URL('../docs/performance.md', import.meta.url))
const beginMarker = '<!-- bench:begin -->'
const endMarker = '<!-- bench:end -->'

export async function saveResult(name: string, result: Result): Promise<string> {
  const path = resultFile(name)
  await writeFile(path, `${JSON.stringify(result, null, 1)}\n`)
  return path
}

export async function loadResult(name: string): Promise<Result> {
  return JSON.parse(await readFile(resultFile(name), 'utf8')) as Result
}

/** Replaces what is between the markers of docs/performance.md. */
export async function writeDocumentation(report: string): Promise<string> {
  const page = await readFile(documentation, 'utf8')
  const [head, rest] = split(page, beginMarker)
  const [, tail] = split(rest, endMarker)
  await writeFile(documentation, `${head}${beginMarker}\n\n${report}\n${endMarker}${tail}`)
  return documentation
}

function split(text: string, marker: string): [before: string, after: string] {
  const at = text.indexOf(marker)
  if (at === -1) throw new Error(`${documentation} has no ${marker}`)
  return [text.slice(0, at), text.slice(at + marker.length)]
}

function resultFile(name: string): string {
  return fileURLToPath(new URL(`results/${name}.json`, import.meta.url))
}

/** The median over the rounds; undefined where it was not measured. */
export function figureOf(
  samples: readonly Sample[],
  wanted: Pick<Sample, 'scenario' | 'variant' | 'system'>,
  figure: string,
): number | undefined {
  const values = samples
    .filter(
      ({ scenario, variant, system }) =>
        scenario === wanted.scenario && variant === wanted.variant && system === wanted.system,
    )
    .map(({ figures }) => figures[figure])
    .filter((value) => value !== undefined)
  return values.length === 0 ? undefined : median(values)
}
