// Which sessions a statement means, and back: the criteria of the console and those that sessions are compared with.
import { createHash } from 'node:crypto'
import { parseNetwork } from '../../policy/network.ts'
import type { SessionSelector } from '../../session/session-selector.ts'
import { ConsoleError } from '../answer.ts'
import { printCriteria } from '../grammar/print.ts'
import type { Criterion, CriterionName } from '../grammar/statement.ts'
import { textOf } from './text.ts'

const selectorNames = {
  session: 'session',
  subject: 'subject',
  issuer: 'issuer',
  principal: 'principal',
  role: 'role',
  group: 'group',
  integration: 'integration',
  pool: 'pool',
  token: 'tokenIdHash',
  address: 'address',
} as const satisfies Record<CriterionName, keyof SessionSelector>

type SelectorName = (typeof selectorNames)[CriterionName]

const maxValueLength = 1_024

/** Throws where a value can select nobody. */
export function selectorOf(criteria: readonly Criterion[], position: number): SessionSelector {
  const selector: Partial<Record<SelectorName, string>> = {}
  for (const { name, value } of criteria) {
    const text = textOf(value, position)
    if (text === '' || text.length > maxValueLength) {
      const hint = `It is a text of at most ${maxValueLength} characters.`
      throw new ConsoleError({ sqlstate: '22023', message: `no ${name} is this`, hint, position })
    }
    if (name === 'address') checkAddress(text, position)
    selector[selectorNames[name]] = name === 'token' ? hashOf(text) : text
  }
  return selector
}

/** As it is written in a statement; what no statement can say is left to the eye. */
export function criteriaText(selector: SessionSelector): string {
  const named = Object.entries(selectorNames).flatMap(([name, key]) => {
    const value = selector[key]
    const isPlain = value !== undefined && key !== 'tokenIdHash'
    return isPlain
      ? [{ name: name as CriterionName, value: { kind: 'string', value } as const }]
      : []
  })
  const { tokenIdHash, sid, database, isWithoutSid, issuedUntilMs } = selector
  const others = Object.entries({ tokenIdHash, sid, database, isWithoutSid, issuedUntilMs })
  return [
    ...(named.length > 0 ? [printCriteria(named)] : []),
    ...others.flatMap(([name, value]) => (value === undefined ? [] : `${name}=${String(value)}`)),
  ].join(' AND ')
}

function hashOf(tokenId: string): string {
  return createHash('sha256').update(tokenId).digest('hex')
}

function checkAddress(text: string, position: number): void {
  try {
    parseNetwork(text)
  } catch {
    throw new ConsoleError({
      sqlstate: '22023',
      message: 'no address is this',
      hint: 'It is an address, or a range such as 10.0.0.0/8.',
      position,
    })
  }
}
