// Statements as text that reads as the same statement again: for SHOW CREATE and the audit. No secret is in it.
import { privileges } from './privileges.ts'
import { criterionWords } from './read-governance.ts'
import { isKeyword } from './keywords.ts'
import { mask } from './secret.ts'
import type {
  Criterion,
  ObjectKind,
  Participant,
  SelectExpression,
  SelectItem,
  Statement,
} from './statement.ts'
import type { Assignment, MapEntry, NullValue, Text, Value } from './value.ts'

export function printStatement(statement: Statement): string {
  return words(...partsOf(statement))
}

type Parts = readonly (string | undefined)[]

function partsOf(statement: Statement): Parts {
  switch (statement.kind) {
    case 'create':
      return [
        ...[
          'CREATE',
          objects[statement.object],
          statement.ifNotExists ? 'IF NOT EXISTS' : undefined,
        ],
        printName(statement.name),
        statement.object === 'sso integration' ? 'PROTOCOL oidc' : undefined,
        assignments(statement.properties),
      ]
    case 'create pool':
      return [
        ...['CREATE CONNECTIVITY_POOL', statement.ifNotExists ? 'IF NOT EXISTS' : undefined],
        printName(statement.name),
        clauses(statement.properties),
        participants(statement.participants),
      ]
    case 'set properties': {
      const isPool = statement.object === 'connectivity_pool'
      const properties = (isPool ? clauses : assignments)(statement.properties)
      return [...altered(statement), 'SET', properties]
    }
    case 'reset properties':
      return [...altered(statement), 'RESET', statement.properties.join(', ')]
    case 'drop':
      return [
        ...['DROP', objects[statement.object], statement.ifExists ? 'IF EXISTS' : undefined],
        printName(statement.name),
      ]
    case 'set integration':
    case 'assign integration':
    case 'remove integration': {
      const { database, integration } = statement
      const verb = integrationVerbs[statement.kind]
      const name = integration === undefined ? undefined : printName(integration)
      return ['ALTER DATABASE', printName(database), verb, 'SSO INTEGRATION', name]
    }
    case 'add participant':
    case 'drop participant': {
      const verb = statement.kind === 'add participant' ? 'ADD' : 'DROP'
      return [
        ...alteredPool(statement.pool),
        verb,
        'PARTICIPANT',
        participant(statement.participant),
      ]
    }
    case 'alter participant':
      return [
        ...[
          ...alteredPool(statement.pool),
          'ALTER PARTICIPANT',
          participant(statement.participant),
        ],
        `SET (${clauses(statement.changes)})`,
      ]
    case 'grant':
    case 'revoke':
      return [
        statement.kind.toUpperCase(),
        statement.privileges.map((name) => privileges[name].join(' ')).join(', '),
        ...['ON DATABASE', names(statement.databases)],
        ...[statement.kind === 'grant' ? 'TO GROUP' : 'FROM GROUP', names(statement.groups)],
      ]
    case 'set cluster setting': {
      const { name, value } = statement
      return ['SET CLUSTER SETTING', printDotted(name), '=', printValue(value)]
    }
    case 'reset cluster setting':
      return ['RESET CLUSTER SETTING', printDotted(statement.name)]
    case 'show cluster setting':
      return ['SHOW CLUSTER SETTING', printDotted(statement.name)]
    case 'show cluster settings':
      return ['SHOW CLUSTER SETTINGS']
    case 'show': {
      const { topic, limit } = statement
      return ['SHOW', topic, ...(limit === undefined ? [] : ['LIMIT', printValue(limit)])]
    }
    case 'show create':
      return ['SHOW CREATE', objects[statement.object], printName(statement.name)]
    case 'show create all':
      return ['SHOW CREATE ALL']
    case 'show parameter':
      return ['SHOW', statement.name === 'all' ? 'ALL' : printName(statement.name)]
    case 'kill sessions':
      return ['KILL', printCriteria(statement.criteria)]
    case 'revoke sessions':
      return ['REVOKE', printCriteria(statement.criteria), 'UNTIL', printValue(statement.until)]
    case 'restore sessions':
      return ['RESTORE', printCriteria(statement.criteria)]
    case 'explain login': {
      const { credential } = statement
      return [
        'EXPLAIN LOGIN',
        credential.kind === 'token'
          ? `TOKEN ${printValue(credential.token)}`
          : `CLAIMS ${printValue(credential.claims)}`,
        clause('INTEGRATION', statement.integration),
        clause('USER', statement.user),
        clause('DATABASE', statement.database),
        clause('POOL', statement.pool),
        clause('FROM', statement.from),
      ]
    }
    case 'rollback catalog':
      return ['ROLLBACK CATALOG TO', printValue(statement.version)]
    case 'pause':
    case 'resume':
    case 'reconnect':
    case 'kill':
    case 'wait close': {
      const { database } = statement
      const verb = statement.kind.replace(' ', '_').toUpperCase()
      return [verb, database === undefined ? undefined : printName(database)]
    }
    case 'enable':
    case 'disable':
      return [statement.kind.toUpperCase(), printName(statement.database)]
    case 'kill client':
      return ['KILL_CLIENT', printValue(statement.id)]
    case 'shutdown':
      return ['SHUTDOWN', waits[statement.waits]]
    case 'suspend':
    case 'reload':
    case 'unlisten all':
    case 'close all':
      return [plain[statement.kind]]
    case 'select':
      return ['SELECT', statement.items.map(selectItem).join(', ')]
    case 'set parameter': {
      const { name, values } = statement
      const scope = statement.scope === 'local' ? 'LOCAL' : undefined
      return ['SET', scope, printDotted(name), '=', values.map(printValue).join(', ')]
    }
    case 'reset parameter':
      return ['RESET', statement.name === 'all' ? 'ALL' : printDotted(statement.name)]
    case 'begin':
      return ['BEGIN', statement.modes.join(', ')]
    case 'commit':
    case 'rollback':
      return [statement.kind.toUpperCase(), statement.chain ? 'AND CHAIN' : undefined]
    case 'set transaction': {
      const { scope, modes } = statement
      const isSession = scope === 'session'
      const what = isSession ? 'SET SESSION CHARACTERISTICS AS TRANSACTION' : 'SET TRANSACTION'
      return [what, modes.join(', ')]
    }
    case 'deallocate':
      return ['DEALLOCATE', statement.name === undefined ? 'ALL' : printName(statement.name)]
    case 'discard':
      return ['DISCARD', statement.what.toUpperCase()]
  }
}

const objects: Readonly<Record<ObjectKind, string>> = {
  database: 'DATABASE',
  group: 'GROUP',
  'sso integration': 'SSO INTEGRATION',
  connectivity_pool: 'CONNECTIVITY_POOL',
}

const integrationVerbs = {
  'set integration': 'SET',
  'assign integration': 'ALTER',
  'remove integration': 'REMOVE',
} as const

const waits = {
  no: undefined,
  'for servers': 'WAIT_FOR_SERVERS',
  'for clients': 'WAIT_FOR_CLIENTS',
} as const

const plain = {
  suspend: 'SUSPEND',
  reload: 'RELOAD',
  'unlisten all': 'UNLISTEN *',
  'close all': 'CLOSE ALL',
} as const

function words(...parts: Parts): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' ')
}

function altered(statement: {
  readonly object: ObjectKind
  readonly ifExists: boolean
  readonly name: string
}): Parts {
  const ifExists = statement.ifExists ? 'IF EXISTS' : undefined
  return ['ALTER', objects[statement.object], ifExists, printName(statement.name)]
}

function alteredPool(pool: string): Parts {
  return ['ALTER CONNECTIVITY_POOL', printName(pool)]
}

function assignments(properties: readonly Assignment[]): string {
  return properties.map(({ name, value }) => `${name} = ${printValue(value)}`).join(', ')
}

function clauses(properties: readonly Assignment[]): string {
  return properties
    .map(({ name, value }) => {
      if (name !== 'sso_integration') return `${name.toUpperCase()} ${printValue(value)}`
      return `SSO INTEGRATION ${value.kind === 'string' ? printName(value.value) : printValue(value)}`
    })
    .join(' ')
}

function participants(all: readonly Participant[]): string | undefined {
  return all.length === 0 ? undefined : `PARTICIPANTS (${all.map(participant).join(', ')})`
}

function participant({ node, properties }: Participant): string {
  return `(${words('NODE', printName(node), clauses(properties))})`
}

export function printCriteria(all: readonly Criterion[]): string {
  const wordOf = new Map(Object.entries(criterionWords).map(([word, name]) => [name, word]))
  return all
    .map(({ name, value }) => `${wordOf.get(name) ?? ''} ${printValue(value)}`)
    .join(' AND ')
}

function clause(word: string, value: Text | undefined): string | undefined {
  return value === undefined ? undefined : `${word} ${printValue(value)}`
}

function names(all: readonly string[]): string {
  return all.map(printName).join(', ')
}

/** In double quotes, unless it is a plain word that means nothing else anywhere. */
export function printName(name: string): string {
  return isPlain(name) ? name : `"${name.replaceAll('"', '""')}"`
}

function printDotted(name: string): string {
  return name.split('.').every(isPlain) ? name : printName(name)
}

function isPlain(name: string): boolean {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !isKeyword(name)
}

export function printValue(value: Value | NullValue): string {
  switch (value.kind) {
    case 'string':
      return `'${value.value.replaceAll("'", "''")}'`
    case 'number':
    case 'boolean':
      return String(value.value)
    case 'null':
      return 'NULL'
    case 'secret':
      return `'${mask}'`
    case 'placeholder':
      return `$${value.number}`
    case 'list':
      return `[${value.items.map(printValue).join(', ')}]`
    case 'map':
      return `{${value.entries.map(mapEntry).join(', ')}}`
  }
}

function mapEntry({ key, value }: MapEntry): string {
  return `"${key.replaceAll('"', '""')}" = ${printValue(value)}`
}

function selectItem({ expression, type, alias }: SelectItem): string {
  const cast = type === undefined ? '' : `::${printDotted(type)}`
  const name = alias === undefined ? undefined : `AS ${printName(alias)}`
  return words(`${selectExpression(expression)}${cast}`, name)
}

function selectExpression(expression: SelectExpression): string {
  if (expression.kind !== 'call') return printValue(expression)
  const values = expression.arguments.map(selectExpression)
  return `${expression.function}(${values.join(', ')})`
}
