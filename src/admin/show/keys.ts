import { columns, type Row, type Topic } from './topic.ts'

/** Of one worker: each has fetched them for itself, from the same place. */
export const keys: Topic = {
  columns: columns(
    'issuer',
    'kid',
    'kty',
    'alg',
    'use',
    ['fetched_at', 'timestamptz'],
    ['expires', 'timestamptz'],
  ),
  show: async (fleet) => {
    const { answers, unanswered } = await fleet.askOne('keys')
    const nowMs = Date.now()
    const rows = (answers[0] ?? []).flatMap(({ issuer, ageMs, believedForMs, keys: known }) => {
      const fetchedAt = ageMs === undefined ? null : Math.round(nowMs - ageMs)
      const expires = believedForMs === undefined ? null : Math.round(nowMs + believedForMs)
      // An issuer whose keys could not be had is one to look at.
      if (known.length === 0) return [[issuer, null, null, null, null, fetchedAt, expires]]
      return known.map(({ kid, kty, alg, use }): Row => [
        ...[issuer, kid ?? null, kty ?? null, alg ?? null, use ?? null, fetchedAt, expires],
      ])
    })
    return { rows, unanswered }
  },
}
