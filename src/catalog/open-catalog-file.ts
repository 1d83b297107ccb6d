// The catalog where no service runs: its file, and nobody to take it over.
import type { LoadedConfig } from '../config/index.ts'
import { FileCatalog } from './catalog-home.ts'
import { openChangeAudit } from './change-audit.ts'

export async function openCatalogFile(
  file: string,
  loaded: LoadedConfig,
  read: (text: string) => LoadedConfig,
): Promise<FileCatalog> {
  const { audit: settings, node } = loaded.config
  const { sink, file: auditFile } = settings
  // Standard output is what was asked for.
  const audit = openChangeAudit({
    ...(sink === 'file' && auditFile !== undefined ? { sink, file: auditFile } : { sink: 'none' }),
    node,
    version: '',
    onFailure: settings.on_failure,
    onError: () => {},
  })
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
      await audit.record(record)
      await audit.flush()
    },
    observer: { changed() {}, failed() {}, fileSeen() {}, withoutFolder() {} },
    now: Date.now,
  })
  await home.open()
  return home
}
