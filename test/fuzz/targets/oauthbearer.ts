import { existsSync } from 'node:fs'
import { Refusal } from '../../../src/refusal.ts'
import type { Taken } from '../../../src/wire/startup.ts'
import { int32, message } from '../../unit/wire/bytes.ts'
import { pureTarget, readStream, type Target, Violation } from '../target.ts'

const mechanisms = new URL('../../../src/sasl/oauthbearer.ts', import.meta.url)
const messages = new URL('../../../src/wire/sasl-response.ts', import.meta.url)
const maxResponseBytes = 300
const reasons = new Set(['malformed-sasl-response', 'password-too-long'])

type Step =
  | { readonly next: 'verify'; readonly token: string }
  | { readonly next: string; readonly detail?: string; readonly logDetail?: string }

interface Mechanism {
  readInitialResponse(bytes: Uint8Array): Step
  readDummyResponse(bytes: Uint8Array): Step | undefined
}

interface Messages {
  readSaslInitialResponse(
    bytes: Buffer,
    limit: number,
  ): Taken<{ readonly mechanism: string; readonly response: Buffer | undefined }> | undefined
}

function saslMessage(mechanism: string, response: string): Buffer {
  const bytes = Buffer.from(response, 'latin1')
  return message('p', Buffer.concat([Buffer.from(`${mechanism}\0`), int32(bytes.length), bytes]))
}

/** Undefined where the mechanism is not there. */
export async function oauthbearerTarget(): Promise<Target | undefined> {
  if (!existsSync(mechanisms) || !existsSync(messages)) return undefined
  const mechanism = (await import(mechanisms.href)) as Mechanism
  const wire = (await import(messages.href)) as Messages
  return pureTarget({
    name: 'oauthbearer',
    maxBytes: 512,
    seeds: [
      saslMessage('OAUTHBEARER', 'n,,\x01auth=Bearer abc.def\x01\x01'),
      saslMessage('OAUTHBEARER', 'y,,\x01host=a\x01port=1\x01auth=bearer  x==\x01\x01'),
      saslMessage('OAUTHBEARER', 'n,,\x01auth=\x01\x01'),
      saslMessage('OAUTHBEARER', 'n,a=alice,\x01auth=Bearer a\x01\x01'),
      saslMessage('SCRAM-SHA-256', 'p=tls-unique,,n=,r=abc'),
      saslMessage('OAUTHBEARER', '\x01'),
      message('p', Buffer.concat([Buffer.from('OAUTHBEARER\0'), int32(0xffffffff)])),
    ],
    run: (input) =>
      readStream(input, {
        read: (bytes) => wire.readSaslInitialResponse(bytes, maxResponseBytes),
        describe: ({ mechanism: name, response }) => {
          if (response === undefined) return `${name} without response`
          const dummy = mechanism.readDummyResponse(response)
          return `${name} ${describeStep(mechanism.readInitialResponse(response))} ${dummy?.next ?? 'dummy'}`
        },
        expected: (error) =>
          error instanceof Refusal && reasons.has(error.reason)
            ? `${error.reason}: ${(error.logDetail ?? '').replaceAll(/type .*|\d+/g, '')}`
            : undefined,
        maxUnread: maxResponseBytes + 40,
      }),
  })
}

function describeStep(step: Step): string {
  if ('token' in step && !/^[\w.~+/-]+=*$/.test(step.token)) {
    throw new Violation(`${JSON.stringify(step.token)} is no bearer token`)
  }
  if (/[^\x20-\x7e]/.test(JSON.stringify(step)))
    throw new Violation('a detail that is not printable')
  return JSON.stringify(step)
}
