import { type ChildProcess, spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { until } from '../../support/until.ts'

export interface WaitingPsql {
  readonly process: ChildProcess
  readonly heard: () => string
  /** Where somebody is to sign in, and the code that the page shows. */
  readonly address: string
  readonly code: string
  readonly output: Promise<string>
}

/** psql that asks who it is, as far as the notice that says where to sign in. */
export async function waitingPsql(environment: NodeJS.ProcessEnv): Promise<WaitingPsql> {
  const psql = spawn('psql', ['-X', '-At', '-c', 'select session_user'], {
    env: { ...environment, PGCONNECT_TIMEOUT: '60', PGUSER: 'sso' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let heard = ''
  psql.stderr.setEncoding('utf8').on('data', (chunk: string) => (heard += chunk))
  const output = text(psql.stdout)
  await until('the notice', () => heard.includes('HINT'))
  const [, address = '', code = ''] = /sign in at (\S+) and .* code (\S+)/.exec(heard) ?? []
  return { process: psql, heard: () => heard, address, code, output }
}
