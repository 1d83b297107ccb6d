// The parameters of a console session, as clients of PostgreSQL know them.
import { ConsoleError } from '../answer.ts'
import type { shownParameters } from '../grammar/show-topics.ts'

export type ParameterName = (typeof shownParameters)[number]

interface Parameter {
  /** As PostgreSQL writes the name, where a client is told of it. */
  readonly written?: string
  /** Whether a client is told the value at the beginning, and when it changes. */
  readonly isReported?: true
  readonly value: string
  /** What may be set: anything that is text, or what is said here. Undefined: nothing. */
  readonly takes?: 'text' | RegExp
  readonly is: string
}

const onlyHere = (is: string, value: string): Parameter => ({ is, value })

/** Drivers read a version of PostgreSQL off it: that of the answers that the console imitates. */
export const serverVersion = '18.0'

const parameters: Readonly<Record<ParameterName, Parameter>> = {
  application_name: {
    is: 'the name of the client',
    value: '',
    takes: 'text',
    isReported: true,
  },
  client_encoding: {
    is: 'the encoding of the client',
    value: 'UTF8',
    takes: /^(?:utf-?8|unicode)$/i,
    isReported: true,
  },
  datestyle: {
    written: 'DateStyle',
    is: 'how dates are written',
    value: 'ISO, MDY',
    takes: /^iso\b/i,
    isReported: true,
  },
  default_transaction_isolation: {
    is: 'accepted, and without effect',
    value: 'read committed',
    takes: 'text',
  },
  default_transaction_read_only: {
    is: 'accepted, and without effect',
    value: 'off',
    takes: 'text',
    isReported: true,
  },
  extra_float_digits: { is: 'accepted, and without effect', value: '1', takes: 'text' },
  in_hot_standby: { is: 'whether it is a standby', value: 'off', isReported: true },
  integer_datetimes: { is: 'how moments are kept', value: 'on', isReported: true },
  intervalstyle: {
    written: 'IntervalStyle',
    is: 'accepted, and without effect',
    value: 'postgres',
    takes: 'text',
    isReported: true,
  },
  is_superuser: { is: 'whether it is an administrator', value: 'off', isReported: true },
  lc_collate: onlyHere('the order of text', 'C'),
  lc_ctype: onlyHere('the kinds of characters', 'C'),
  lc_messages: { is: 'accepted, and without effect', value: 'C', takes: 'text' },
  max_identifier_length: onlyHere('the longest name', '63'),
  search_path: {
    is: 'accepted, and without effect',
    value: '"$user", public',
    takes: 'text',
    isReported: true,
  },
  server_encoding: { is: 'the encoding of the console', value: 'UTF8', isReported: true },
  server_version: { is: 'the version', value: serverVersion, isReported: true },
  server_version_num: onlyHere('the version', '180000'),
  session_authorization: { is: 'who it is', value: '', isReported: true },
  standard_conforming_strings: {
    is: 'how text is read',
    value: 'on',
    takes: /^(?:on|true|yes|1)$/i,
    isReported: true,
  },
  statement_timeout: { is: 'accepted, and without effect', value: '0', takes: 'text' },
  timezone: {
    written: 'TimeZone',
    is: 'moments are told in UTC, whatever it is',
    value: 'UTC',
    takes: 'text',
    isReported: true,
  },
  transaction_isolation: onlyHere('the isolation of the transaction', 'read committed'),
  transaction_read_only: onlyHere('whether the transaction may change something', 'off'),
}

const names = Object.keys(parameters) as readonly ParameterName[]

/** Longer values are cut, as PostgreSQL cuts a name. */
const longestValue = 256

export function isSessionParameter(name: string): boolean {
  return name.toLowerCase() === 'all' || findName(name) !== undefined
}

function findName(name: string): ParameterName | undefined {
  const folded = name.toLowerCase()
  return names.find((one) => one === folded)
}

export interface ShownParameter {
  readonly name: string
  readonly value: string
  readonly is: string
}

/** The parameters of one session, with what its client is to be told of them. */
export class SessionParameters {
  readonly #initial: ReadonlyMap<ParameterName, string>
  readonly #values: Map<ParameterName, string>
  readonly #told = new Map<ParameterName, string>()

  constructor(own: Partial<Readonly<Record<ParameterName, string>>>) {
    const values = names.map((name) => [name, own[name] ?? parameters[name].value] as const)
    this.#initial = new Map(values)
    this.#values = new Map(values)
  }

  /** Throws for a name that there is not. */
  show(name: string): ShownParameter {
    return this.#shown(this.#need(name))
  }

  all(): readonly ShownParameter[] {
    return names.map((name) => this.#shown(name))
  }

  set(name: string, value: string): void {
    const known = this.#need(name)
    const { takes, written = known } = parameters[known]
    const isSame = value.toLowerCase() === this.#values.get(known)?.toLowerCase()
    if (takes === undefined && !isSame) {
      throw new ConsoleError({
        sqlstate: '55P02',
        message: `parameter "${written}" cannot be changed`,
      })
    }
    if (takes instanceof RegExp && !takes.test(value)) {
      throw new ConsoleError({
        sqlstate: '22023',
        message: `the console has no other value for parameter "${written}" than ${parameters[known].value}`,
      })
    }
    if (takes === 'text') this.#values.set(known, value.replaceAll('\0', '').slice(0, longestValue))
  }

  reset(name: string): void {
    if (name.toLowerCase() === 'all') {
      for (const [each, value] of this.#initial) this.#values.set(each, value)
      return
    }
    const known = this.#need(name)
    this.#values.set(known, this.#initial.get(known) ?? '')
  }

  /** What the client has not been told yet, which it then has. */
  takeReports(): readonly (readonly [name: string, value: string])[] {
    const reports = names.filter(
      (name) =>
        parameters[name].isReported === true && this.#told.get(name) !== this.#values.get(name),
    )
    return reports.map((name) => {
      const value = this.#values.get(name) ?? ''
      this.#told.set(name, value)
      return [parameters[name].written ?? name, value]
    })
  }

  #shown(name: ParameterName): ShownParameter {
    const { written = name, is } = parameters[name]
    return { name: written, value: this.#values.get(name) ?? '', is }
  }

  #need(name: string): ParameterName {
    const known = findName(name)
    if (known !== undefined) return known
    throw new ConsoleError({
      sqlstate: '42704',
      message: 'unrecognized configuration parameter',
      hint: 'SHOW ALL lists the parameters of this session.',
    })
  }
}
