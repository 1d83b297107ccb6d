// What the commands of clients say when there is no token, for docs/troubleshooting.md: by the very code that says it.
import { exitCodes } from '../src/cli/client/exit-codes.ts'
import { explainProblem } from '../src/credentials/explain-problem.ts'
import { GatewayRefusal } from '../src/credentials/gateway-refusal.ts'
import { CredentialProblem, type ProblemKind } from '../src/credentials/problem.ts'
import { FetchError } from '../src/identity/fetch-error.ts'
import { ProviderRefusal } from '../src/identity/sign-in-provider.ts'
import { Refusal } from '../src/refusal.ts'

interface KindOfProblem {
  readonly means: string
  readonly causes: string
  readonly remedy: string
}

const kinds: Readonly<Record<ProblemKind, KindOfProblem>> = {
  failed: {
    means: 'it did not work this time',
    causes: 'nobody signed in in time, there is no browser, the disk is full, `--command` failed',
    remedy: 'Read the line, and run the command again.',
  },
  usage: {
    means: 'options or arguments that cannot be',
    causes: 'a misspelt option, an address that is none, two options that exclude each other',
    remedy: '`--help` of the command; [command-line.md](command-line.md)',
  },
  'sign-in-needed': {
    means: 'somebody has to sign in, and nobody is there to be asked',
    causes:
      'the first use, `portcullis logout`, a refresh token that the provider takes no longer; in a script, in CI or in a graphical tool',
    remedy:
      'Run `portcullis login` on a terminal. What runs alone needs a [service account](clients.md#service-accounts).',
  },
  unreachable: {
    means: 'provider or gateway cannot be reached, or gave no answer that is of use',
    causes:
      'no network, a VPN that is off, a proxy, a certificate of an authority that is not trusted here, the wrong port',
    remedy:
      'Do what the second line says. Tokens that are kept are still printed until they expire. Later is worth a try.',
  },
  refused: {
    means: 'provider or gateway said no',
    causes:
      'a client that is not registered as it should be, a scope or an audience that it may not have, an identity without access',
    remedy:
      'The line has the code of the provider, or the words of the gateway and the id under which its log has more: the reasons are below.',
  },
  configuration: {
    means: 'the profile is wrong, or not there, or what is kept is open to others',
    causes:
      'no `portcullis login` yet, a key that is misspelt, a file of tokens with open rights or of another owner',
    remedy: 'Do what the second line says: it names the file.',
  },
}

const who = 'https://auth.example.com'

const network = [
  ...['ENOTFOUND', 'ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ETIMEDOUT'],
  ...['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  'EPROTO',
]
const provider = [
  ...['invalid_client', 'unauthorized_client', 'unsupported_grant_type', 'invalid_grant'],
  ...['invalid_scope', 'invalid_target', 'invalid_request', 'login_required'],
]

const examples: readonly Error[] = [
  ...network.map((code) => Object.assign(new FetchError(code), { code })),
  ...provider.map((code) => new ProviderRefusal(code, code)),
  new Refusal('sign-in-denied'),
  new Refusal('sign-in-timeout', { values: { seconds: 600 } }),
  new GatewayRefusal(404, undefined),
]

/** A section of docs/troubleshooting.md. */
export function clientSection(): string {
  const codes = Object.entries(kinds)
    .map(([name, kind]) => ({ ...kind, code: exitCodes[name as ProblemKind] }))
    .sort((one, other) => one.code - other.code)
    .map(({ code, means, causes, remedy }) => `| ${code} | ${means} | ${causes} | ${remedy} |`)
  return `## What the command line says

\`portcullis login\`, \`token\`, \`psql\` and the other [commands of whoever connects](clients.md) say in one line on standard
error what happened to whom, and in the next one what to do. Programs go by the exit code:

| exit code | means | usual causes | what to do |
|---|---|---|---|
${codes.join('\n')}

\`psql\` and \`exec\` end with the code of the program that they ran, once it ran. What the gateway answers to *that* is one of
the refusals below.

| is said of the provider or the gateway | exit code | what to do |
|---|---|---|
${examples.map(exampleRow).join('\n')}`
}

function exampleRow(error: Error): string {
  const problem = explainProblem(error, who)
  if (!(problem instanceof CredentialProblem)) throw new Error(`${error.message} is not explained`)
  const { kind, message, hint = '' } = problem
  return `| ${message.replace(who, '…')} | ${exitCodes[kind]} | ${hint} |`
}
