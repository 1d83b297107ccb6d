import { expect, test } from 'vitest'
import { LongPolls, mostPolls, mostPollsOfAddress } from '../../../../src/web/api/long-polls.ts'

test('one call waits for a grant at a time', () => {
  const polls = new LongPolls()
  const leave = polls.enter('a', '10.0.0.1')
  expect(() => polls.enter('a', '10.0.0.2')).toThrow(expect.objectContaining({ code: 'conflict' }))
  leave()
  leave()
  polls.enter('a', '10.0.0.2')
  expect(polls.size).toBe(1)
})

test('an address has so many calls that wait, and gets others for those that end', () => {
  const polls = new LongPolls()
  const all = Array.from({ length: mostPollsOfAddress }, (_, index) =>
    polls.enter(`a${index}`, '2001:db8::1'),
  )
  const more = (): unknown => polls.enter('more', '2001:db8::2')
  expect(more).toThrow(expect.objectContaining({ code: 'slow_down', status: 429 }))
  polls.enter('another', '2001:db8:0:1::1')
  all[0]?.()
  expect(more).not.toThrow()
})

test('so many calls wait in all', () => {
  const polls = new LongPolls()
  for (let index = 0; index < mostPolls; index++) polls.enter(`a${index}`, `10.0.1.${index}`)
  expect(() => polls.enter('more', '10.0.0.1')).toThrow(
    expect.objectContaining({ code: 'temporarily_unavailable', status: 503 }),
  )
})
