// DENIALS and REVOCATIONS: who was refused, and who is kept out.
import type { SessionSelector } from '../../session/session-selector.ts'
import { criteriaText } from '../govern/criteria.ts'
import { columns, type Row, type Topic } from './topic.ts'

export const denials: Topic = {
  columns: columns(
    ['at', 'timestamptz'],
    'reason',
    'sqlstate',
    ['count', 'int8'],
    'address',
    'user',
    'database',
    'pool',
    'integration',
    'principal',
    'issuer',
    'subject',
    'application_name',
    'reference',
  ),
  show: async (fleet) => {
    const { answers, unanswered } = await fleet.ask('denials')
    const latest = answers.flat().sort((one, other) => other.atMs - one.atMs)
    const rows = latest.map((one): Row => [
      ...[one.atMs, one.reason, one.sqlstate, one.count, one.address, one.user ?? null],
      ...[one.database ?? null, one.pool ?? null, one.integration ?? null, one.principal ?? null],
      ...[one.issuer ?? null, one.subject ?? null, one.application ?? null, one.session],
    ])
    return { rows, unanswered }
  },
}

export const revocations: Topic = {
  columns: columns('source', 'criteria', ['until', 'timestamptz'], 'by'),
  show: async (fleet) => {
    const { answers, unanswered } = await fleet.askOne('denied')
    const row = (
      source: string,
      selector: SessionSelector,
      untilMs: number | undefined,
      by: string | undefined,
    ): Row => [source, criteriaText(selector), untilMs ?? null, by ?? null]
    const ordered = fleet
      .standingOrders()
      .flatMap(({ selectors, end, refusedUntilMs, by }) =>
        selectors.map((selector) => row(end, selector, refusedUntilMs, by)),
      )
    const listed = (answers[0] ?? []).map(({ selector, untilMs, why }) =>
      row('deny_file', selector, untilMs, why),
    )
    return { rows: [...ordered, ...listed], unanswered }
  },
}
