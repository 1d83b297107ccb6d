// What is told of the catalog, in the log and the metrics.
import type { CatalogMetrics } from '../telemetry/metrics.ts'
import type { Log } from '../telemetry/log.ts'
import type { CatalogObserver } from './catalog-home.ts'

export function catalogObserver(log: Log, metrics: () => CatalogMetrics): CatalogObserver {
  return {
    changed({ version, author, by, what }) {
      metrics().catalogChanged(version, by)
      if (by === 'start') log.info('catalog read', { catalog_version: version })
      else log.info('catalog changed', { catalog_version: version, author, by, what })
    },
    failed(by, error) {
      metrics().catalogNotChanged(by)
      log.warn('catalog not changed', { by, error })
    },
    fileSeen(state, problems) {
      metrics().catalogFileSeen(state)
      switch (state) {
        case 'same':
          log.info('the file of the configuration is what is in use')
          break
        case 'differs':
          log.warn('the file of the configuration has changed, and is not in use yet', { problems })
          break
        case 'broken':
          log.error('the file of the configuration is broken, the old one stays in use', {
            problems,
          })
      }
    },
    withoutFolder(folder, code) {
      log.info(
        'versions of the catalog are kept in memory alone, and the console cannot change it',
        {
          folder,
          code,
        },
      )
    },
  }
}
