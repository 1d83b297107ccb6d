// Whatever messages come, the console answers each Query and each Sync with one ReadyForQuery, in a state
// that it is in, and nothing of it is a bug.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Dialog } from '../../src/admin/console/dialog.ts'
import type { SelectFacts } from '../../src/admin/console/select.ts'
import { SessionParameters } from '../../src/admin/console/parameters.ts'
import { Transaction } from '../../src/admin/console/transaction.ts'
import { answerLocally } from '../../src/admin/console/answer-locally.ts'
import { bindParameters } from '../../src/admin/grammar/bind.ts'
import { readFrame } from '../../src/wire/frame.ts'
import { FrontendFault, parseFrontendMessage } from '../../src/wire/read-frontend.ts'
import { cstrings, int16, int32, message } from '../unit/wire/bytes.ts'

const names = fc.constantFrom('', 'a', 'b')
const texts = fc.constantFrom(
  ...['', 'select 1', 'select $1', 'select 1; select 2', 'begin', 'commit', 'rollback', 'selec'],
  ...['deallocate all', 'discard all', 'set application_name = x', "select 'x'::int", 'close all'],
)

const messages = fc.oneof(
  texts.map((text) => message('Q', cstrings(text))),
  fc
    .tuple(names, texts)
    .map(([name, text]) => message('P', Buffer.concat([cstrings(name, text), int16(0)]))),
  fc
    .tuple(names, names, fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 }))
    .map(([portal, name, count, formats]) =>
      message(
        'B',
        Buffer.concat([
          cstrings(portal, name),
          int16(0),
          int16(count),
          ...Array.from({ length: count }, () => Buffer.concat([int32(1), Buffer.from('1')])),
          int16(formats),
          ...Array.from({ length: formats }, () => int16(1)),
        ]),
      ),
    ),
  fc
    .tuple(fc.constantFrom('D', 'C'), fc.constantFrom('S', 'P', 'x'), names)
    .map(([type, of, name]) => message(type, Buffer.concat([Buffer.from(of), cstrings(name)]))),
  fc
    .tuple(names, fc.integer({ min: -1, max: 2 }))
    .map(([portal, rows]) => message('E', Buffer.concat([cstrings(portal), int32(rows)]))),
  fc.constantFrom(...['S', 'H', 'F', 'd', 'c', 'f'].map((type) => message(type, ''))),
  fc
    .tuple(fc.constantFrom('Q', 'P', 'B', 'D', 'C', 'E'), fc.uint8Array({ maxLength: 12 }))
    .map(([type, bytes]) => message(type, Buffer.from(bytes))),
)

const facts: SelectFacts = {
  user: 'alice',
  database: 'system',
  version: 'PostgreSQL 18.0',
  processId: 1,
  clientAddress: null,
  serverAddress: null,
  serverPort: null,
  nowMs: 0,
  setting: () => '',
}

test('any messages lead to a state that is defined', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(messages, { maxLength: 30 }), async (sent) => {
      const bugs: unknown[] = []
      const written: Buffer[] = []
      const transaction = new Transaction()
      const parameters = new SessionParameters({})
      const dialog: Dialog = new Dialog({
        transaction,
        parameters,
        carryOut: async ({ parsed, parameters: values }) => {
          const own = answerLocally(bindParameters(parsed.statement, values), {
            parameters,
            transaction,
            facts: () => facts,
            deallocate: () => {
              dialog.statements.clear()
              return true
            },
            closePortals: () => {
              dialog.portals.clear()
            },
          })
          return Promise.resolve(own ?? { tag: 'X' })
        },
        write: async (bytes) => {
          written.push(bytes)
          return Promise.resolve()
        },
        onBug: (error) => bugs.push(error),
      })
      let expected = 0
      for (const bytes of sent) {
        const { value } = readFrame(bytes, 1_000)!
        await dialog.receive(parsedOf(value), value.type)
        if (!'QFS'.includes(value.type)) continue
        const all = typesOf(Buffer.concat(written))
        // Behind an error of the extended protocol all is skipped, but for a Sync.
        const isSkipped = value.type !== 'S' && all.at(-1)?.type === 'E'
        if (!isSkipped) {
          expected++
          // All is told, and the client knows where it stands.
          expect(all.filter(({ type }) => type === 'Z')).toHaveLength(expected)
          expect(all.at(-1)).toEqual({ type: 'Z', status: transaction.status })
          expect(dialog.isAtRest).toBe(true)
        }
      }
      expect(bugs).toEqual([])
    }),
    { numRuns: 500 },
  )
})

function parsedOf(frame: Parameters<typeof parseFrontendMessage>[0]) {
  try {
    return parseFrontendMessage(frame)!
  } catch (error) {
    if (error instanceof FrontendFault) return error
    throw error
  }
}

function typesOf(bytes: Buffer): { type: string; status: string }[] {
  const all: { type: string; status: string }[] = []
  let rest = bytes
  while (rest.length > 0) {
    const { value, length } = readFrame(rest, 1_000_000)!
    all.push({ type: value.type, status: value.body.toString('latin1', 0, 1) })
    rest = rest.subarray(length)
  }
  return all
}
