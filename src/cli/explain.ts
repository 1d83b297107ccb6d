import type { Config } from '../config/index.ts'
import { parseAddress } from '../policy/network.ts'
import { printable } from '../refusal.ts'
import { type Explanation, type LoginRequest, UnusableRequest } from './explanation.ts'
import { describeFailure } from './failure.ts'
import { formatExplanation } from './format-explanation.ts'
import { readConfig } from './read-config.ts'

export interface ExplainOptions {
  readonly config: string
  readonly user?: string
  readonly database?: string
  readonly from: string
  readonly listener?: string
  readonly options?: string
  readonly certificate?: string
  readonly output: 'text' | 'json'
  readonly offline?: true
}

type ReplayLogin = (config: Config, request: LoginRequest) => Promise<Explanation>

/** Longer than any credential that the configuration may allow. */
const maxInputBytes = 2 * 1024 * 1024

const exitCodes = { granted: 0, denied: 1, undecided: 2 } as const

/** Prints why a token would log in or not, and returns the exit code. */
export async function explain(
  credential: string | undefined,
  options: ExplainOptions,
  replayLogin: ReplayLogin,
): Promise<number> {
  let config: Config
  try {
    ;({ config } = readConfig(options.config))
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return 78
  }
  try {
    if (parseAddress(options.from) === undefined) {
      throw new UnusableRequest(`${printable(options.from)} is not an IP address`)
    }
    const explanation = await replayLogin(config, {
      user: options.user,
      database: options.database,
      from: options.from,
      listener: options.listener,
      options: options.options,
      credential:
        credential === undefined || credential === '-' ? await readCredential() : credential,
      certificate: options.certificate,
      isOffline: options.offline === true,
    })
    process.stdout.write(
      options.output === 'json'
        ? `${JSON.stringify(explanation, undefined, 2)}\n`
        : formatExplanation(explanation),
    )
    return exitCodes[explanation.outcome]
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return error instanceof UnusableRequest ? 64 : 2
  }
}

/** Standard input without the newlines at its end, which a shell takes away too. */
async function readCredential(): Promise<string> {
  if (process.stdin.isTTY) {
    throw new UnusableRequest(
      'no token: pipe it to standard input, as portcullis explain --help says',
    )
  }
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxInputBytes) throw new UnusableRequest('standard input is too long for a token')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/[\r\n]+$/, '')
}
