// What the statements of the console are carried out with, in the primary process.
import type { CatalogHome } from './admin/catalog-home.ts'
import type { ConsoleFleet } from './admin/console-fleet.ts'
import type { ConsoleServices } from './admin/execute.ts'
import type { PoolerServices } from './admin/pooler/execute-pooler.ts'

export function consoleServices(
  catalog: CatalogHome,
  fleet: ConsoleFleet,
  services: PoolerServices,
): ConsoleServices {
  return { catalog, fleet, ...services }
}
