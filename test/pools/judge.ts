import type { Language } from './languages.ts'
import type { Load } from './scene.ts'

/** What a program says of its load. */
export interface Outcome {
  readonly language: Language
  readonly queries: number
  readonly failures: readonly string[]
}

/** What the audit says of its logins while it was under load. */
export interface Logins {
  readonly connections: number
  readonly tokens: number
  /** Of `portcullis token`. */
  readonly runs: number
  readonly refusals: readonly string[]
}

export type Result = Outcome & Logins

const pool = 20
const shown = 3
/** Of what a pool could do if nothing but the queries took time. */
const leastShare = 0.1
/** Of the command for each connection: it is run for bursts of them. */
const mostRuns = 0.25

export function judge(
  { queries, failures, connections, tokens, runs, refusals }: Result,
  load: Load,
): readonly string[] {
  const most = (pool * load.seconds) / load.querySeconds
  return [
    ...failures.slice(0, shown),
    ...refusals.slice(0, shown).map((reason) => `refused: ${reason}`),
    ...(failures.length > 0 ? [`${failures.length} failures`] : []),
    ...(queries < most * leastShare ? [`${queries} queries are too few`] : []),
    ...(tokens < load.fewestTokens ? [`${tokens} different tokens are too few`] : []),
    ...(runs > connections * mostRuns ? [`${runs} runs of the command are too many`] : []),
    ...(connections < pool * load.fewestTokens ? [`${connections} connections are too few`] : []),
  ]
}
