import type { ScenarioName } from './options.ts'
import type { Installation, SystemName } from './systems.ts'

/** What one run of one system showed. */
export interface Sample {
  readonly scenario: ScenarioName
  /** Of the scenario: a number of clients, a kind of certificate, a direction. */
  readonly variant: string
  readonly system: SystemName
  readonly figures: Readonly<Record<string, number>>
}

export interface Plan {
  readonly installation: Installation
  readonly rounds: number
  readonly seconds: number
  readonly record: (sample: Sample) => void
}
