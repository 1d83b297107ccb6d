// What the statements of the console are carried out with, in the primary process.
import { ConsoleError } from './admin/answer.ts'
import type { CatalogHome } from './admin/catalog-home.ts'
import type { ConsoleServices } from './admin/execute.ts'

export function consoleServices(): ConsoleServices {
  return { catalog: homeless }
}

function nowhere(): never {
  throw new ConsoleError({ sqlstate: '0A000', message: 'the catalog cannot be changed yet' })
}

/** In place of a home of the catalog. */
const homeless: CatalogHome = {
  get state() {
    return nowhere()
  },
  change: nowhere,
  history: nowhere,
  rollback: nowhere,
}
