import { expect, test } from 'vitest'
import { factsQuery } from '../../../src/upstream/session-facts.ts'

const hostile = `x'; drop table orders; --\\"`

test('no name of a client or an operator is in the statement as it is', () => {
  const query = factsQuery({ role: hostile, memberOf: [hostile], applicationName: hostile })
  expect(query).not.toContain('orders')
  expect(query.split(Buffer.from(hostile).toString('hex'))).toHaveLength(4)
})

test('every function, relation and operator is qualified, so that no search_path makes it another', () => {
  const query = factsQuery({ role: 'a', memberOf: ['b'], applicationName: 'c' })
  const words = query.replaceAll(/'[^']*'/g, '').match(/[\w.]+(?=\()/g) ?? []
  const own = [
    'login',
    'held',
    'EXISTS',
    'OPERATOR',
    'COALESCE',
    'SELECT',
    'AND',
    'WHERE',
    'AS',
    'ANY',
  ]
  expect(words.filter((word) => !word.startsWith('pg_catalog.') && !own.includes(word))).toEqual([])
  expect(query.match(/(?:FROM|JOIN) (?!pg_catalog\.|login|held)\w+/g)).toBeNull()
  expect(
    query.replaceAll('OPERATOR(pg_catalog.=)', '').replaceAll('OPERATOR(pg_catalog.>)', ''),
  ).not.toMatch(/[^']=|[<>]/)
})

test('nothing is renamed unless it is asked for', () => {
  const query = factsQuery({ role: 'a', memberOf: [], applicationName: undefined })
  expect(query).not.toContain('set_config')
})
