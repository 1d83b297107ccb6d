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

export const explainHelp = `
The token is read from standard input where it is "-" or left out: an argument is in the list of processes
and in the history of the shell. It is never printed.

A token that is bound to a client certificate needs --certificate: without it the client has none. That the
client has the private key is taken for granted, and so is that tls.client_ca trusts the certificate.

A login over TLS is replayed up to the role: no listener is opened and no database is asked, so a role that
is missing at PostgreSQL, or is a superuser there, is not noticed. The keys are fetched from the identity
provider, unless --offline: then those of \`jwks\` and \`jwks_file\` are the only ones.

Exit codes: 0 granted, 1 denied, 2 could not be decided, 64 wrong usage, 78 wrong configuration.

-o json has outcome (granted, denied, undecided), request, steps (check, compared, passed: true, false or
null where it could not be made, verified), pool, credential, integration, principal, groups, role,
expiresAt and refusal (reason, sqlstate, fault, message, detail, hint, log, meaning, remedy).

Examples:
  get-a-token | portcullis explain --config portcullis.yaml --user app_readonly --database sandbox
  portcullis explain --config portcullis.yaml --offline -o json - < token.txt`

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
