// Sessions and logins: KILL and REVOKE by who they are, EXPLAIN LOGIN, ROLLBACK CATALOG.
import type { Keyword } from './keywords.ts'
import { readNumber, readSecretText, readText } from './read-value.ts'
import type { Reader } from './reader.ts'
import { sqlstates } from './statement-error.ts'
import type {
  Count,
  Credential,
  Criterion,
  CriterionName,
  GovernanceStatement,
} from './statement.ts'
import type { Text } from './value.ts'

export const criterionWords = {
  SESSION: 'session',
  SUBJECT: 'subject',
  ISSUER: 'issuer',
  PRINCIPAL: 'principal',
  ROLE: 'role',
  GROUP: 'group',
  INTEGRATION: 'integration',
  POOL: 'pool',
  TOKEN: 'token',
  ADDRESS: 'address',
} as const satisfies Partial<Readonly<Record<Keyword, CriterionName>>>

const words = Object.keys(criterionWords) as (keyof typeof criterionWords)[]

export function startsCriteria(reader: Reader): boolean {
  return words.filter((word) => reader.at(word)).length > 0
}

/** `NAME value [[AND] NAME value]...`, each once. */
export function readCriteria(reader: Reader): readonly Criterion[] {
  const criteria: Criterion[] = []
  for (;;) {
    const word = words.find((one) => reader.at(one))
    if (word === undefined) return criteria.length === 0 ? reader.fail() : criteria
    const name = criterionWords[word]
    if (criteria.some((one) => one.name === name)) {
      reader.fail({ hint: `${word} is given once.`, expected: [] })
    }
    reader.need(word)
    criteria.push({ name, value: readText(reader, `the ${name}`, true) })
    if (reader.take('AND') && !startsCriteria(reader)) reader.fail()
  }
}

export function readRevocation(reader: Reader): GovernanceStatement {
  const criteria = readCriteria(reader)
  reader.need('UNTIL')
  return { kind: 'revoke sessions', criteria, until: readText(reader, 'a time') }
}

export function readRestore(reader: Reader): GovernanceStatement {
  return { kind: 'restore sessions', criteria: readCriteria(reader) }
}

export function readExplain(reader: Reader): GovernanceStatement {
  reader.need('LOGIN')
  const credential = reader.choose<Credential>({
    TOKEN: () => ({ kind: 'token', token: readSecretText(reader) }),
    CLAIMS: () => ({ kind: 'claims', claims: readText(reader, 'a JSON object') }),
  })
  const clauses: Partial<Record<Clause, Text>> = {}
  for (;;) {
    const word = clauseWords.find((one) => reader.at(one))
    if (word === undefined) break
    if (clauses[word] !== undefined) reader.fail({ hint: `${word} is given once.`, expected: [] })
    reader.need(word)
    clauses[word] = readText(reader, clauseTexts[word], word !== 'FROM')
  }
  return {
    kind: 'explain login',
    credential,
    integration: clauses.INTEGRATION,
    user: clauses.USER,
    database: clauses.DATABASE,
    pool: clauses.POOL,
    from: clauses.FROM,
  }
}

const clauseTexts = {
  INTEGRATION: 'an integration',
  USER: 'a user',
  DATABASE: 'a database',
  POOL: 'a pool',
  FROM: 'an address',
} as const

type Clause = keyof typeof clauseTexts

const clauseWords = Object.keys(clauseTexts) as Clause[]

/** A whole number that is not negative, or a parameter. */
export function readCount(reader: Reader, what: string): Count {
  const { token } = reader
  if (token.kind === 'parameter') {
    reader.advance()
    return { kind: 'placeholder', number: token.value, of: 'count' }
  }
  const value = readNumber(reader)
  if (value === undefined) {
    reader.expecting(what)
    return reader.fail()
  }
  if (!Number.isInteger(value) || value < 0) {
    reader.fail({
      message: `${what} must be a whole number`,
      sqlstate: sqlstates.invalidValue,
      hint: 'It is a whole number from 0 on.',
      expected: [what],
    })
  }
  reader.advance()
  return { kind: 'number', value }
}
