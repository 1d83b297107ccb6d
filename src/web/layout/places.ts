// What the navigation leads to.
import type { ConsoleRight } from '../../policy/catalog.ts'

/** Where a page stands in the navigation. */
export type Place =
  | 'connect'
  | 'device'
  | 'sessions'
  | 'refusals'
  | 'integrations'
  | 'pools'
  | 'catalog'
  | 'statistics'

interface Shown {
  readonly label: string
  readonly path: string
  /** Undefined: for everybody who is signed in. */
  readonly needs: ConsoleRight | undefined
}

const places: Readonly<Record<Place, Shown>> = {
  connect: { label: 'Connect', path: '/connect', needs: undefined },
  device: { label: 'Device', path: '/device', needs: undefined },
  sessions: { label: 'Sessions', path: '/sessions', needs: 'stats' },
  refusals: { label: 'Refusals', path: '/refusals', needs: 'stats' },
  integrations: { label: 'Integrations', path: '/integrations', needs: 'stats' },
  pools: { label: 'Pools', path: '/pools', needs: 'stats' },
  catalog: { label: 'Catalog', path: '/catalog', needs: 'stats' },
  statistics: { label: 'Statistics', path: '/statistics', needs: 'stats' },
}

/** Those that somebody with this right may open; whoever may do everything may also look. */
export function placesFor(
  right: ConsoleRight | undefined,
): readonly (Shown & { readonly place: Place })[] {
  return (Object.entries(places) as [Place, Shown][])
    .filter(([, { needs }]) => needs === undefined || right === 'admin' || right === needs)
    .map(([place, shown]) => ({ place, ...shown }))
}
