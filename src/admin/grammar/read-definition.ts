// CREATE, ALTER and DROP of what the catalog has.
import { failElsewhere } from './elsewhere.ts'
import {
  databaseProperties,
  groupProperties,
  integrationProperties,
  participantProperties,
  poolProperties,
} from './properties.ts'
import type { Properties } from './property.ts'
import type { Reader } from './reader.ts'
import {
  readAssignments,
  readClauses,
  readOptionalAssignments,
  readPropertyNames,
} from './read-properties.ts'
import type { DefinitionStatement, ObjectKind, Participant } from './statement.ts'

const tables: Readonly<Record<ObjectKind, Properties>> = {
  database: databaseProperties,
  group: groupProperties,
  'sso integration': integrationProperties,
  connectivity_pool: poolProperties,
}

/** The kind of thing that a statement is about. */
export function readObject(reader: Reader, verb: string): ObjectKind {
  failElsewhere(reader, verb)
  return reader.choose<ObjectKind>({
    DATABASE: () => 'database',
    GROUP: () => 'group',
    SSO: () => {
      reader.need('INTEGRATION')
      return 'sso integration'
    },
    CONNECTIVITY_POOL: () => 'connectivity_pool',
  })
}

export function readCreate(reader: Reader): DefinitionStatement {
  const object = readObject(reader, 'CREATE')
  const ifNotExists = takeIf(reader, 'NOT')
  const name = reader.name()
  if (object === 'connectivity_pool') return readCreatePool(reader, name, ifNotExists)
  if (object === 'sso integration' && reader.take('PROTOCOL')) readProtocol(reader)
  const properties = readOptionalAssignments(reader, tables[object])
  return { kind: 'create', object, name, ifNotExists, properties }
}

/** There is one. */
function readProtocol(reader: Reader): void {
  const { token } = reader
  const isOidc =
    (token.kind === 'string' || token.kind === 'quoted') && token.value.toLowerCase() === 'oidc'
  if (isOidc) reader.advance()
  else reader.need('OIDC')
}

function readCreatePool(reader: Reader, name: string, ifNotExists: boolean): DefinitionStatement {
  const properties = readClauses(reader, poolProperties)
  const participants = reader.take('PARTICIPANTS') ? readParticipants(reader) : []
  return { kind: 'create pool', name, ifNotExists, properties, participants }
}

function readParticipants(reader: Reader): readonly Participant[] {
  reader.needSymbol('(')
  const participants = reader.several(() => readParticipant(reader))
  reader.needSymbol(')')
  return participants
}

/** `(NODE name NAME value ...)` */
function readParticipant(reader: Reader): Participant {
  reader.needSymbol('(')
  const participant = readNode(reader)
  reader.needSymbol(')')
  return participant
}

function readNode(reader: Reader): Participant {
  reader.need('NODE')
  return { node: reader.name(), properties: readClauses(reader, participantProperties) }
}

/** With the parentheses or without. */
function readOneParticipant(reader: Reader): Participant {
  return reader.atSymbol('(') ? readParticipant(reader) : readNode(reader)
}

export function readAlter(reader: Reader): DefinitionStatement {
  const object = readObject(reader, 'ALTER')
  const ifExists = takeIf(reader)
  const name = reader.name()
  const change = {
    SET: (): DefinitionStatement => {
      const read = object === 'connectivity_pool' ? readSomeClauses : readAssignments
      const properties = read(reader, tables[object])
      return { kind: 'set properties', object, name, ifExists, properties }
    },
    RESET: (): DefinitionStatement => {
      const properties = readPropertyNames(reader, tables[object])
      return { kind: 'reset properties', object, name, ifExists, properties }
    },
  }
  if (ifExists) return reader.choose(change)
  if (object === 'connectivity_pool')
    return reader.choose({ ...change, ...poolChanges(reader, name) })
  if (object !== 'database') return reader.choose(change)
  return reader.choose({
    SET: () =>
      reader.at('SSO') && reader.isFollowedBy('INTEGRATION')
        ? readAssignment(reader, name, 'set integration')
        : change.SET(),
    RESET: change.RESET,
    ALTER: () => readAssignment(reader, name, 'assign integration'),
    REMOVE: () => readRemoval(reader, name),
  })
}

function readSomeClauses(reader: Reader, table: Properties): ReturnType<typeof readClauses> {
  const clauses = readClauses(reader, table)
  return clauses.length === 0 ? reader.fail() : clauses
}

function readAssignment(
  reader: Reader,
  database: string,
  kind: 'set integration' | 'assign integration',
): DefinitionStatement {
  reader.need('SSO', 'INTEGRATION')
  const integration = reader.name()
  if (!reader.isAtEnd()) {
    const does =
      kind === 'set integration' ? 'makes it the primary one of' : 'assigns an integration to'
    reader.fail({
      hint: `This statement only ${does} the database. To change properties of an integration, use ALTER SSO INTEGRATION ... SET name = value.`,
      expected: ['";"'],
    })
  }
  return { kind, database, integration }
}

function readRemoval(reader: Reader, database: string): DefinitionStatement {
  reader.need('SSO', 'INTEGRATION')
  const integration = reader.isAtEnd() ? undefined : reader.name()
  return { kind: 'remove integration', database, integration }
}

type PoolChanges = Readonly<Record<'ADD' | 'ALTER' | 'DROP', () => DefinitionStatement>>

function poolChanges(reader: Reader, pool: string): PoolChanges {
  const readChanged = (kind: 'add participant' | 'drop participant') => () => {
    reader.need('PARTICIPANT')
    return { kind, pool, participant: readOneParticipant(reader) }
  }
  return {
    ADD: readChanged('add participant'),
    DROP: readChanged('drop participant'),
    ALTER: () => {
      reader.need('PARTICIPANT')
      return readAlterParticipant(reader, pool)
    },
  }
}

/** `(NODE a NAME value ...)` changes the one of the node; with SET, the first part says which one. */
function readAlterParticipant(reader: Reader, pool: string): DefinitionStatement {
  const participant = readOneParticipant(reader)
  if (reader.take('SET')) {
    const isInParentheses = reader.takeSymbol('(')
    const changes = readSomeClauses(reader, participantProperties)
    if (isInParentheses) reader.needSymbol(')')
    return { kind: 'alter participant', pool, participant, changes }
  }
  if (participant.properties.length === 0) reader.fail()
  const which = { node: participant.node, properties: [] }
  return { kind: 'alter participant', pool, participant: which, changes: participant.properties }
}

export function readDrop(reader: Reader): DefinitionStatement {
  const object = readObject(reader, 'DROP')
  const ifExists = takeIf(reader)
  return { kind: 'drop', object, name: reader.name(), ifExists }
}

/** `IF EXISTS`, or `IF NOT EXISTS`. A thing may be called "if", too. */
function takeIf(reader: Reader, not?: 'NOT'): boolean {
  if (!reader.at('IF') || !reader.isFollowedBy('NOT', 'EXISTS')) return false
  reader.need('IF', ...(not === undefined ? [] : [not]), 'EXISTS')
  return true
}
