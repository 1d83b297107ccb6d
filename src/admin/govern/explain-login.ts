// EXPLAIN LOGIN: what would be decided, step by step, as `portcullis explain` says it.
import { type Answer, type Column, ConsoleError } from '../answer.ts'
import { type ExplainedLogin, type LoginExplanation, UnexplainableLogin } from '../console-fleet.ts'
import type { Credential, GovernanceStatement } from '../grammar/statement.ts'
import { columns, type Row } from '../show/topic.ts'
import type { GovernContext } from './context.ts'
import { textOf } from './text.ts'

export const explanationColumns: readonly Column[] = columns(
  ['step', 'int4'],
  'check',
  'compared',
  ['passed', 'bool'],
  ['verified', 'bool'],
)

export async function explainLogin(
  statement: Extract<GovernanceStatement, { readonly kind: 'explain login' }>,
  { position, services: { fleet } }: GovernContext,
): Promise<Answer> {
  const { integration, user, database, pool, from } = statement
  const text = (value: typeof user): string | undefined => value && textOf(value, position)
  const login: ExplainedLogin = {
    credential: credentialOf(statement.credential, position),
    integration: text(integration),
    user: text(user),
    database: text(database),
    pool: text(pool),
    from: text(from),
  }
  const explanation = await explain(fleet.explain, login, position)
  const rows = [...explanation.steps.map(stepRow), ...outcomeRows(explanation)]
  return { tag: 'EXPLAIN', table: { columns: explanationColumns, rows } }
}

async function explain(
  ask: (login: ExplainedLogin) => Promise<LoginExplanation>,
  login: ExplainedLogin,
  position: number,
): Promise<LoginExplanation> {
  try {
    return await ask(login)
  } catch (error) {
    if (!(error instanceof UnexplainableLogin)) throw error
    throw new ConsoleError({ sqlstate: error.sqlstate, message: error.message, position })
  }
}

function credentialOf(credential: Credential, position: number): ExplainedLogin['credential'] {
  if (credential.kind === 'claims') {
    return { kind: 'claims', claims: claimsOf(textOf(credential.claims, position), position) }
  }
  const { token } = credential
  const text = token.kind === 'secret' ? token.secret?.reveal() : undefined
  if (text !== undefined) return { kind: 'token', token: text }
  throw new ConsoleError({ sqlstate: '22023', message: 'there is no token here', position })
}

function claimsOf(text: string, position: number): Readonly<Record<string, unknown>> {
  let claims: unknown
  try {
    claims = JSON.parse(text)
  } catch {
    // Said below: the error of the parser repeats a part of the text.
  }
  const isObject = typeof claims === 'object' && claims !== null && !Array.isArray(claims)
  if (isObject) return claims as Readonly<Record<string, unknown>>
  throw new ConsoleError({
    sqlstate: '22P02',
    message: 'the claims are no JSON object',
    hint: `They are written as in '{"sub": "alice", "groups": ["dba"]}'.`,
    position,
  })
}

function stepRow(
  { check, compared, passed, verified }: LoginExplanation['steps'][number],
  index: number,
): Row {
  return [index + 1, check, compared, passed, verified]
}

/** What came of it, behind the steps. */
function outcomeRows({ outcome, role, refusal, steps }: LoginExplanation): readonly Row[] {
  const verified = steps.every((step) => step.verified)
  const passed = outcome === 'undecided' ? null : outcome === 'granted'
  const told: readonly (readonly [string, string | null | undefined])[] = [
    ['role', role],
    ['reason', refusal?.reason],
    ['sqlstate', refusal?.sqlstate],
    ['message', refusal?.message],
    ['hint', refusal?.hint],
    ['remedy', refusal?.remedy],
  ]
  return [
    [null, 'outcome', outcome, passed, verified],
    ...told.flatMap(([name, text]): readonly Row[] =>
      text === null || text === undefined ? [] : [[null, name, text, passed, verified]],
    ),
  ]
}
