// Which sessions a page shows: what is in its address.
import { parseNetwork } from '../../policy/network.ts'
import type { SessionSelector } from '../../session/session-selector.ts'

/** As they are called in the address. */
export const filterNames = ['person', 'role', 'database', 'pool', 'address'] as const
export type FilterName = (typeof filterNames)[number]
export type Filter = Readonly<Partial<Record<FilterName, string>>>

const longest = 256

export interface ReadFilter {
  readonly filter: Filter
  /** Undefined where nobody can be meant. */
  readonly selector: SessionSelector | undefined
  readonly problem?: { readonly name: FilterName; readonly text: string }
}

export function readFilter(query: (name: string) => string | undefined): ReadFilter {
  const filter: Partial<Record<FilterName, string>> = {}
  for (const name of filterNames) {
    const value = query(name)?.trim() ?? ''
    if (value !== '') filter[name] = value.slice(0, longest)
  }
  if (filter.address !== undefined && !isNetwork(filter.address)) {
    const text = 'It is an address, or a range such as 10.0.0.0/8.'
    return { filter, selector: undefined, problem: { name: 'address', text } }
  }
  const { person: principal, role, database, pool, address } = filter
  return {
    filter,
    selector: {
      ...(principal !== undefined && { principal }),
      ...(role !== undefined && { role }),
      ...(database !== undefined && { database }),
      ...(pool !== undefined && { pool }),
      ...(address !== undefined && { address }),
    },
  }
}

function isNetwork(text: string): boolean {
  try {
    parseNetwork(text)
    return true
  } catch {
    return false
  }
}
