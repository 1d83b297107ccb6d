import { globSync } from 'node:fs'
import { findProgram } from './run-program.ts'

export interface ClientPrograms {
  readonly pgbench: string
  readonly psql: string
}

/** PostgreSQL's own clients; the newest of those that Debian keeps side by side. */
export function findClientPrograms(): ClientPrograms {
  const folders = globSync('/usr/lib/postgresql/*/bin').sort((one, other) =>
    other.localeCompare(one, 'en', { numeric: true }),
  )
  const find = (name: string): string => {
    const program = findProgram(name, folders)
    if (program === undefined)
      throw new Error(`${name} is not installed (Debian: postgresql-contrib, postgresql-client)`)
    return program
  }
  return { pgbench: find('pgbench'), psql: find('psql') }
}
