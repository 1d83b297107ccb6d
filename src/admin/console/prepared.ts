// What a session of the console has prepared by the extended protocol, and how much that may be.
import type { ValueFormat } from '../../wire/read-frontend.ts'
import { type Answer, type Cell, type Column, ConsoleError } from '../answer.ts'
import type { ParsedStatement } from '../grammar/parse.ts'

export interface Prepared {
  readonly text: string
  /** Undefined: the text is empty. */
  readonly parsed: ParsedStatement | undefined
  readonly types: readonly number[]
  /** Undefined where no rows come of it. */
  readonly columns: readonly Column[] | undefined
}

export interface Portal {
  readonly prepared: Prepared
  readonly parameters: readonly string[]
  readonly formats: readonly ValueFormat[]
  /** Undefined before it is carried out. */
  answer?: Answer
  /** Not sent yet. */
  rows: readonly (readonly Cell[])[]
}

/** Drivers keep some hundreds of statements prepared. */
const maxStatements = 1_000
/** Of all that are prepared, in UTF-16 units. */
const maxTextLength = 1024 * 1024
const maxPortals = 100
/** Of all portals that a client has begun to fetch from. */
const maxHeldRows = 100_000

export class PreparedStatements {
  readonly #statements = new Map<string, Prepared>()
  #length = 0

  get(name: string): Prepared {
    const found = this.#statements.get(name)
    if (found !== undefined) return found
    const shown = name === '' ? 'unnamed prepared statement' : `prepared statement "${name}"`
    throw new ConsoleError({ sqlstate: '26000', message: `${shown} does not exist` })
  }

  /** One without a name takes the place of the one before. */
  add(name: string, prepared: Prepared): void {
    if (name === '') this.delete('')
    else if (this.#statements.has(name)) {
      throw new ConsoleError({
        sqlstate: '42P05',
        message: `prepared statement "${name}" already exists`,
      })
    }
    const length = this.#length + name.length + prepared.text.length
    if (this.#statements.size >= maxStatements || length > maxTextLength) {
      throw new ConsoleError({
        sqlstate: '53400',
        message: 'too much is prepared in this session',
        hint: 'DEALLOCATE ALL forgets it.',
      })
    }
    this.#length = length
    this.#statements.set(name, prepared)
  }

  delete(name: string): boolean {
    const found = this.#statements.get(name)
    if (found === undefined) return false
    this.#length -= name.length + found.text.length
    return this.#statements.delete(name)
  }

  clear(): void {
    this.#statements.clear()
    this.#length = 0
  }
}

export class Portals {
  readonly #portals = new Map<string, Portal>()

  get(name: string): Portal {
    const found = this.#portals.get(name)
    if (found !== undefined) return found
    throw new ConsoleError({ sqlstate: '34000', message: `portal "${name}" does not exist` })
  }

  add(name: string, portal: Portal): void {
    if (name !== '' && this.#portals.has(name)) {
      throw new ConsoleError({ sqlstate: '42P03', message: `portal "${name}" already exists` })
    }
    this.#portals.delete(name)
    if (this.#portals.size >= maxPortals) throw tooMany()
    this.#portals.set(name, portal)
  }

  /** Throws where the portals of the session keep more rows than they may. */
  checkHeld(): void {
    let held = 0
    for (const { rows } of this.#portals.values()) held += rows.length
    if (held > maxHeldRows) throw tooMany()
  }

  delete(name: string): void {
    this.#portals.delete(name)
  }

  clear(): void {
    this.#portals.clear()
  }
}

function tooMany(): ConsoleError {
  return new ConsoleError({
    sqlstate: '53400',
    message: 'too many portals are open in this session',
    hint: 'Close those that are not used any more.',
  })
}
