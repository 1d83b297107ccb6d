import { Refusal } from '../../../src/refusal.ts'
import { readIntent } from '../../../src/session/client-intent.ts'
import {
  maxStartupPacketBytes,
  readStartupPacket,
  type StartupPacket,
} from '../../../src/wire/startup.ts'
import { codes, packet, startup } from '../../unit/wire/bytes.ts'
import { pureTarget, readStream, type Target, Violation } from '../target.ts'

const reasons = new Set(['malformed-startup', 'unsupported-protocol'])
const intentReasons = new Set(['no-user', 'replication-unsupported', 'malformed-startup'])
/** Whom and where PostgreSQL takes a session to be for: it compares these names as they are written. */
const decided = ['user', 'database', 'replication']
/** Settings for Portcullis, in lower case. */
const own = [
  'identityprovider',
  'handshake',
  'ssooauthflow',
  'crdb:jwt_auth_enabled',
  'auth_method',
]

export function startupTarget(): Target {
  return pureTarget({
    name: 'startup',
    maxBytes: 1_024,
    seeds: [
      packet(codes.ssl),
      packet(codes.gss),
      packet(codes.cancel, Buffer.alloc(8, 7)),
      packet(codes.cancel, Buffer.alloc(36, 7)),
      packet(codes.version(2, 0), Buffer.alloc(288)),
      startup(['user', 'alice', 'database', 'app', 'application_name', 'psql']),
      startup(['user', 'id_token@app', 'options', '-c identityprovider=sso -c work_mem=4MB'], 2),
      startup(['user', 'alice', '_pq_.report', 'x', 'options', '--handshake=SSO \\-c a=b']),
    ],
    run: (input) =>
      readStream(input, {
        read: readStartupPacket,
        describe,
        expected: (error) =>
          error instanceof Refusal && reasons.has(error.reason)
            ? `${error.reason}: ${(error.logDetail ?? '').replaceAll(/\d+/g, 'n')}`
            : undefined,
        maxUnread: maxStartupPacketBytes,
      }),
  })
}

function describe(value: StartupPacket): string {
  switch (value.kind) {
    case 'startup':
      return [
        value.kind,
        value.minorVersion,
        ...[...value.parameters].flat(),
        ...value.protocolOptions,
        intentOf(value),
      ].join('|')
    case 'cancel':
      return `${value.kind} ${value.processId} ${value.secretKey.toString('hex')}`
    case 'ssl-request':
    case 'gssenc-request':
      return value.kind
  }
}

function intentOf(message: Extract<StartupPacket, { kind: 'startup' }>): string {
  try {
    const { parameters, ...intent } = readIntent(message)
    for (const name of parameters.keys()) {
      if (name === 'replication' && intent.asksForReplication) continue
      if (decided.includes(name) || own.includes(name.toLowerCase())) {
        throw new Violation(`${name} would go upstream`)
      }
    }
    return JSON.stringify([intent, ...parameters])
  } catch (error) {
    if (error instanceof Refusal && intentReasons.has(error.reason)) return error.reason
    throw error
  }
}
