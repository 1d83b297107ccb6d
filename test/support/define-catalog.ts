// Statements that define the catalog, carried out one by one on a catalog in memory.
import { ConsoleError, type Answer, type ConsoleFault } from '../../src/admin/answer.ts'
import {
  define,
  type DefinitionContext,
  showCatalogTopic,
  showDefinition,
} from '../../src/admin/define/execute.ts'
import { isCatalogTopic } from '../../src/admin/define/show-topics.ts'
import type { ChangingStatement } from '../../src/admin/define/planned.ts'
import { bindParameters } from '../../src/admin/grammar/bind.ts'
import { parseStatements } from '../../src/admin/grammar/parse.ts'
import type { ConsoleUser } from '../../src/admin/order.ts'
import type { MemoryCatalog } from './memory-catalog.ts'

export const operator: ConsoleUser = {
  name: 'olga',
  right: 'admin',
  by: 'sso',
  issuer: 'https://auth.example.com',
  subject: 'auth0|olga',
  address: '10.0.0.1',
  session: 'abc',
  database: 'system',
}

/** The answers to all statements of the text. Throws the ConsoleError of the first that fails. */
export async function carryOut(
  catalog: MemoryCatalog,
  text: string,
  parameters: readonly string[] = [],
): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  for (const { statement: parsed, position } of parseStatements(text)) {
    const statement = bindParameters(parsed, parameters)
    const context: DefinitionContext = { user: operator, position, services: { catalog } }
    switch (statement.kind) {
      case 'show cluster setting':
      case 'show cluster settings':
      case 'show create':
      case 'show create all':
        answers.push(showDefinition(statement, context))
        break
      case 'show':
        if (!isCatalogTopic(statement.topic)) throw new Error(`not of the catalog: ${text}`)
        answers.push(showCatalogTopic(statement.topic, statement.limit, context))
        break
      default:
        answers.push(await define(statement as ChangingStatement, context))
    }
  }
  return answers
}

/** Of the only statement, or the last one. */
export async function answerTo(
  catalog: MemoryCatalog,
  text: string,
  parameters?: readonly string[],
): Promise<Answer> {
  return (await carryOut(catalog, text, parameters)).at(-1)!
}

export async function faultOf(
  catalog: MemoryCatalog,
  text: string,
  parameters?: readonly string[],
): Promise<ConsoleFault> {
  try {
    await carryOut(catalog, text, parameters)
  } catch (error) {
    if (error instanceof ConsoleError) return error.fault
    throw error
  }
  throw new Error(`was carried out: ${text}`)
}
