// Jobs of GitHub Actions with `permissions: id-token: write`.
import { boundedRequest } from '../../../identity/bounded-fetch.ts'
import { CredentialProblem } from '../../problem.ts'
import type { SourceContext } from '../../source-context.ts'
import type { PlatformToken } from './platform-token.ts'
import { readAnswer, textIn } from './read-answer.ts'

const from = 'GitHub Actions'

export async function askGithub(
  { audience }: { readonly audience?: string | undefined },
  { environment, network }: SourceContext,
): Promise<PlatformToken> {
  const address = environment['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? ''
  const bearer = environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? ''
  if (!URL.canParse(address) || !/^[\x21-\x7e]+$/.test(bearer)) {
    throw new CredentialProblem(
      'configuration',
      'this is no job of GitHub Actions that may have a token',
      {
        hint: 'The job needs permissions: id-token: write. Then ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN are set.',
      },
    )
  }
  const url = new URL(address)
  if (audience !== undefined) url.searchParams.set('audience', audience)
  const headers = { accept: 'application/json', authorization: `Bearer ${bearer}` }
  const { customCa, limits, proxy } = await network()
  const answer = await boundedRequest(url.href, { method: 'GET', headers }, limits, customCa, {
    proxy,
  })
  return { token: textIn(readAnswer(await answer.text(), answer.status, from), 'value'), from }
}
