// A program of the user's that prints a token.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { readClaims } from '../read-claims.ts'
import type { Environment } from '../environment.ts'
import { CredentialProblem } from '../problem.ts'
import type { TokenSource } from '../source.ts'

const run = promisify(execFile)
const timeoutMs = 30_000
const mostBytes = 100_000

export function commandSource(
  [program, ...args]: readonly [string, ...string[]],
  environment: Environment,
): TokenSource {
  return {
    needsPerson: false,
    refresh: async () => Promise.resolve(undefined),
    obtain: async (_, signal) => {
      const { stdout } = await run(program, args, {
        signal,
        env: environment,
        timeout: timeoutMs,
        maxBuffer: mostBytes,
      })
      const token = stdout.trim()
      const { exp, iat } = readClaims(token)
      if (exp === undefined) {
        throw new CredentialProblem('failed', `${program} printed no token`)
      }
      return {
        token,
        expiresAt: exp * 1_000,
        issuedAt: iat === undefined ? Date.now() : iat * 1_000,
      }
    },
    revoke: async () => Promise.resolve(),
  }
}
