import { FrameError, readFrame } from '../../../src/wire/frame.ts'
import { MalformedMessage, parseBackendMessage } from '../../../src/wire/read-backend.ts'
import { int32, message } from '../../unit/wire/bytes.ts'
import { pureTarget, readStream, type Target } from '../target.ts'

const maxBodyBytes = 300

/** What a server says during a login. */
export function backendTarget(): Target {
  return pureTarget({
    name: 'backend',
    maxBytes: 800,
    seeds: [
      message('R', int32(0)),
      message('R', int32(3)),
      message('R', Buffer.concat([int32(5), Buffer.from('salt')])),
      message(
        'R',
        Buffer.concat([int32(10), Buffer.from('SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0')]),
      ),
      message('R', Buffer.concat([int32(11), Buffer.from('r=abcd,s=c2FsdA==,i=4096')])),
      message('R', Buffer.concat([int32(12), Buffer.from('v=c2lnbmF0dXJl')])),
      message('S', 'server_version\x0018.1\0'),
      message('K', Buffer.alloc(8, 7)),
      message('K', Buffer.alloc(36, 7)),
      message('Z', 'I'),
      message('v', Buffer.concat([int32(3 << 16), int32(1), Buffer.from('_pq_.x\0')])),
      message('E', 'SFATAL\0VFATAL\0C28P01\0Mno\0\0'),
      message('N', 'SNOTICE\0C00000\0Mhello\0\0'),
    ],
    run: (input) =>
      readStream(input, {
        read: (bytes) => {
          const taken = readFrame(bytes, maxBodyBytes)
          return taken && { value: parseBackendMessage(taken.value), length: taken.length }
        },
        describe: (value) => JSON.stringify(value),
        expected: (error) =>
          error instanceof FrameError || error instanceof MalformedMessage ? error.name : undefined,
        maxUnread: maxBodyBytes + 5,
      }),
  })
}
