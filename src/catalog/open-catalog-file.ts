// The catalog where no service runs: its file, and nobody to take it over.
import type { Config, LoadedConfig } from '../config/index.ts'
import { FileCatalog } from './catalog-home.ts'
import type { ChangeSinkOptions } from '../telemetry/change-audit.ts'
import { openChangeAudit } from './change-audit.ts'

/** Where records of changes go, of a configuration. */
export type ComposeAudit = (
  current: () => Config,
) => Pick<ChangeSinkOptions, 'node' | 'sinks' | 'onFailure' | 'chain'>

export async function openCatalogFile(
  file: string,
  loaded: LoadedConfig,
  read: (text: string) => LoadedConfig,
  composeAudit: ComposeAudit,
): Promise<FileCatalog> {
  let turn: Promise<unknown> = Promise.resolve()
  const home = new FileCatalog({
    file,
    loaded,
    read,
    inTurn: async (work) => {
      const next = turn.then(work)
      turn = next.catch(() => {})
      return next
    },
    takeOver: async (_, __, keep) => keep(),
    audit: async (record) => {
      const { sinks, ...composed } = composeAudit(() => loaded.config)
      const audit = openChangeAudit({
        ...composed,
        // Standard output is what was asked for.
        sinks: sinks.filter(({ sink }) => sink !== 'stdout'),
        version: '',
        onError: () => {},
      })
      try {
        await audit.record(record)
      } finally {
        await audit.close()
      }
    },
    observer: { changed() {}, failed() {}, fileSeen() {}, withoutFolder() {} },
    now: Date.now,
  })
  await home.open()
  return home
}
