// The properties of a thing: `name = value, ...` as integrations have them, `NAME value ...` as pools do.
import type { Properties } from './property.ts'
import type { Reader } from './reader.ts'
import { failTwice, readValue } from './read-value.ts'
import type { Assignment } from './value.ts'

/** `name = value [, name = value]...` */
export function readAssignments(reader: Reader, table: Properties): readonly Assignment[] {
  const assignments: Assignment[] = []
  const names = new Set<string>()
  do {
    reader.checkCount(assignments.length)
    const name = readPropertyName(reader, table, names)
    reader.needSymbol('=')
    assignments.push({ name, value: valueOf(reader, table, name) })
  } while (reader.takeSymbol(','))
  return assignments
}

/** Assignments, or none where the statement ends: a word that is no property is an error. */
export function readOptionalAssignments(reader: Reader, table: Properties): readonly Assignment[] {
  return reader.isAtEnd() ? [] : readAssignments(reader, table)
}

/** Clauses as far as there are any: `NAME value`; an equals sign and a comma may stand there too. */
export function readClauses(reader: Reader, table: Properties): readonly Assignment[] {
  const clauses: Assignment[] = []
  const names = new Set<string>()
  for (;;) {
    const name = takeClauseName(reader, table, names)
    if (name === undefined) return clauses
    reader.takeSymbol('=')
    clauses.push({ name, value: valueOf(reader, table, name) })
    reader.takeSymbol(',')
  }
}

const integrationClause = 'sso_integration'

function takeClauseName(reader: Reader, table: Properties, names: Set<string>): string | undefined {
  if (Object.hasOwn(table, integrationClause) && reader.at('SSO')) {
    if (names.has(integrationClause)) failTwice(reader, 'SSO INTEGRATION')
    reader.need('SSO', 'INTEGRATION')
    names.add(integrationClause)
    return integrationClause
  }
  return takeProperty(reader, table, names, 'clause')
}

function readPropertyName(reader: Reader, table: Properties, names: Set<string>): string {
  return takeProperty(reader, table, names) ?? reader.fail()
}

function takeProperty(
  reader: Reader,
  table: Properties,
  names: Set<string>,
  style: 'assignment' | 'clause' = 'assignment',
): string | undefined {
  const { token } = reader
  if (token.kind === 'word' && names.has(token.value)) failTwice(reader, token.value)
  const known = Object.keys(table)
  const name = reader.takeName(style === 'clause' ? known.map(toUpper) : known)?.toLowerCase()
  if (name !== undefined) names.add(name)
  return name
}

/** `name [, name]...`, each once. */
export function readPropertyNames(reader: Reader, table: Properties): readonly string[] {
  const names = new Set<string>()
  return reader.several(() => readPropertyName(reader, table, names))
}

function valueOf(reader: Reader, table: Properties, name: string): Assignment['value'] {
  const property = table[name]
  return property === undefined ? reader.fail() : readValue(reader, name, property)
}

function toUpper(name: string): string {
  return name.toUpperCase()
}
