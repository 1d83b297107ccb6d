import type { Series } from './series.ts'

const outcomes = ['ok', 'failed'] as const
export type Outcome = (typeof outcomes)[number]
const catalogSources = ['console', 'apply', 'rollback', 'file', 'start'] as const
type CatalogSource = (typeof catalogSources)[number]

/** Of the one process that has the catalog. */
export interface CatalogMetrics {
  catalogChanged(version: number, by: CatalogSource): void
  catalogNotChanged(by: CatalogSource): void
  catalogFileSeen(state: 'same' | 'differs' | 'broken'): void
}

/** What sessions are decided by: configuration, catalog, certificate, deny file. */
export interface RulesMetrics extends CatalogMetrics {
  certificateLoaded(notAfter: Date): void
  configReloaded(outcome: Outcome): void
  /** `entries` where it could be read. */
  denyFileRead(outcome: Outcome, entries?: number): void
}

export function rulesMetrics({ counter, gauge }: Series): RulesMetrics {
  const certificateExpiry = gauge(
    [
      'tls_certificate_expiry_timestamp_seconds',
      'When the TLS certificate shown to clients expires, in seconds since 1970.',
    ],
    [],
    'min',
  )
  const configReloads = counter(
    ['config_reloads_total', 'Attempts to load a changed configuration, by outcome.'],
    ['outcome'],
  )
  const configTaken = gauge(
    ['config_last_reload_ok', 'Whether the configuration was taken over when it last changed.'],
    [],
    'min',
  )
  const configTakenAt = gauge(
    [
      'config_last_taken_timestamp_seconds',
      'When a configuration was last taken over, in seconds since 1970.',
    ],
    [],
    'max',
  )
  const denyFileReads = counter(
    ['deny_file_reads_total', 'Times that a process has read the deny file, by outcome.'],
    ['outcome'],
  )
  const denyFileEntries = gauge(
    ['deny_file_entries', 'Entries of the deny file that are in use.'],
    [],
    'max',
  )
  const denyFileBroken = gauge(
    ['deny_file_broken', 'Whether the deny file could not be read when it was last changed.'],
    [],
    'max',
  )
  const catalogVersion = gauge(
    ['catalog_version', 'The version of the catalog that is in use.'],
    [],
    'max',
  )
  const catalogChanges = counter(
    ['catalog_changes_total', 'Changes of the catalog, by where they came from and outcome.'],
    ['by', 'outcome'],
  )
  const catalogFileProblem = gauge(
    ['catalog_file_problem', 'Whether the file of the catalog, as it is now, cannot be used.'],
    [],
    'max',
  )
  const catalogFileDiffers = gauge(
    ['catalog_file_differs', 'Whether the file of the catalog is not what is in use.'],
    [],
    'max',
  )

  for (const outcome of outcomes) denyFileReads.inc({ outcome }, 0)
  for (const outcome of outcomes) configReloads.inc({ outcome }, 0)
  for (const by of catalogSources) {
    for (const outcome of outcomes) catalogChanges.inc({ by, outcome }, 0)
  }
  configTaken.set(1)
  configTakenAt.setToCurrentTime()
  // Until a certificate is loaded there is no time to report, and zero would be the smallest of all.
  certificateExpiry.remove()

  return {
    certificateLoaded(notAfter) {
      certificateExpiry.set(notAfter.getTime() / 1000)
    },
    configReloaded(outcome) {
      configReloads.inc({ outcome })
      configTaken.set(outcome === 'ok' ? 1 : 0)
      if (outcome === 'ok') configTakenAt.setToCurrentTime()
    },
    denyFileRead(outcome, entries) {
      denyFileReads.inc({ outcome })
      denyFileBroken.set(outcome === 'ok' ? 0 : 1)
      if (entries !== undefined) denyFileEntries.set(entries)
    },
    catalogChanged(version, by) {
      catalogVersion.set(version)
      catalogChanges.inc({ by, outcome: 'ok' })
    },
    catalogNotChanged(by) {
      catalogChanges.inc({ by, outcome: 'failed' })
    },
    catalogFileSeen(state) {
      catalogFileProblem.set(state === 'broken' ? 1 : 0)
      catalogFileDiffers.set(state === 'same' ? 0 : 1)
    },
  }
}
