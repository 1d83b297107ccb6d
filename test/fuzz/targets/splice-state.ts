import { MessageFollower } from '../../../src/wire/message-follower.ts'
import { QueryState } from '../../../src/wire/query-state.ts'
import { int32, message } from '../../unit/wire/bytes.ts'
import { cuts, pureTarget, type Target, Violation } from '../target.ts'

/** What is followed of a spliced session: the messages of either side, and where it stands. */
export function spliceStateTarget(): Target {
  return pureTarget({
    name: 'splice-state',
    maxBytes: 400,
    seeds: [
      message('Q', 'select 1\0'),
      Buffer.concat([message('P', '\0select 1\0\0\0'), message('B', '\0\0'), message('S')]),
      message('Z', 'I'),
      Buffer.concat([message('C', 'SELECT 1\0'), message('Z', 'T')]),
      message('X'),
      message('Z', '', 0),
      Buffer.concat([Buffer.from('Z'), int32(0xffffffff), Buffer.from('E')]),
    ],
    run: (input) => {
      const whole = follow([input])
      const model = expected(input)
      if (whole !== model) throw new Violation(`followed as ${whole}, and is ${model}`)
      const state = stateAfter([input])
      for (const pieces of cuts(input)) {
        if (follow(pieces) !== whole) throw new Violation('cutting it changes what is followed')
        if (stateAfter(pieces) !== state) throw new Violation('cutting it changes the state')
      }
      return state
    },
  })
}

function follow(pieces: readonly Buffer[]): string {
  const seen: string[] = []
  const follower = new MessageFollower((type, first) => seen.push(`${type}:${first}`))
  for (const piece of pieces) follower.push(piece)
  return `${seen.join(' ')} ${String(follower.atBoundary)}`
}

/** The same, read off all of the bytes at once. */
function expected(input: Buffer): string {
  const seen: string[] = []
  let at = 0
  while (at + 5 <= input.length) {
    const bodyBytes = Math.max(input.readUInt32BE(at + 1) - 4, 0)
    if (bodyBytes === 0) seen.push(`${input.readUInt8(at)}:0`)
    else if (at + 5 < input.length) seen.push(`${input.readUInt8(at)}:${input.readUInt8(at + 5)}`)
    at += 5 + bodyBytes
  }
  return `${seen.join(' ')} ${String(at === input.length)}`
}

/** Half of the bytes are the frontend's, the others the upstream's. */
function stateAfter(pieces: readonly Buffer[]): string {
  const state = new QueryState()
  const [type = 0] = pieces.find((piece) => piece.length > 0) ?? []
  const isFrontends = type % 2 === 0
  for (const piece of pieces) {
    if (isFrontends) state.fromFrontend(piece)
    else state.fromUpstream(piece)
  }
  if (state.isIdle && state.isBusy) throw new Violation('idle and busy at once')
  if (state.isIdle && !state.atUpstreamBoundary) throw new Violation('idle within a message')
  return [state.isBusy, state.isIdle, state.isTerminated, state.atUpstreamBoundary].join(' ')
}
