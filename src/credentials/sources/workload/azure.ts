// Managed identities of Azure's machines, and pods of AKS with a federated identity.
import { boundedRequest } from '../../../identity/bounded-fetch.ts'
import { CredentialProblem } from '../../problem.ts'
import { readSmallFile } from '../../read-small-file.ts'
import type { SourceContext } from '../../source-context.ts'
import type { PlatformToken } from './platform-token.ts'
import { askMetadata } from './metadata.ts'
import { readAnswer, secondsIn, textIn } from './read-answer.ts'

interface AzureIdentity {
  readonly resource: string
  readonly clientId?: string | undefined
}

const longestFile = 60_000
const usualHost = 'http://169.254.169.254'
const usualAuthority = 'https://login.microsoftonline.com/'

export async function askAzure(
  identity: AzureIdentity,
  context: SourceContext,
): Promise<PlatformToken> {
  const file = context.environment['AZURE_FEDERATED_TOKEN_FILE'] ?? ''
  return file === '' ? askMachine(identity, context) : askEntra(identity, file, context)
}

async function askMachine(
  { resource, clientId }: AzureIdentity,
  { environment, now }: SourceContext,
): Promise<PlatformToken> {
  const from = "Azure's metadata service"
  // Azure's own libraries know it.
  const host = environment['AZURE_POD_IDENTITY_AUTHORITY_HOST'] ?? usualHost
  const query = new URLSearchParams({
    'api-version': '2018-02-01',
    resource,
    ...(clientId !== undefined && { client_id: clientId }),
  })
  const path = `/metadata/identity/oauth2/token?${query.toString()}`
  const url = `${host.replace(/\/$/, '')}${path}`
  const { status, text } = await askMetadata(url, { Metadata: 'true' }, from)
  return tokenIn(readAnswer(text, status, from), from, now())
}

/** The token of Kubernetes is what the client shows in place of a secret (RFC 7523, 2.2). */
async function askEntra(
  { resource, clientId }: AzureIdentity,
  file: string,
  { environment, network, now }: SourceContext,
): Promise<PlatformToken> {
  const from = 'Microsoft Entra ID'
  const client = clientId ?? environment['AZURE_CLIENT_ID'] ?? ''
  const tenant = environment['AZURE_TENANT_ID'] ?? ''
  const authority = environment['AZURE_AUTHORITY_HOST'] ?? usualAuthority
  if (client === '' || !/^[\w.-]+$/.test(tenant) || !URL.canParse(authority)) {
    throw new CredentialProblem(
      'configuration',
      'AZURE_FEDERATED_TOKEN_FILE is set, and no client with it',
      {
        hint: 'AZURE_CLIENT_ID and AZURE_TENANT_ID are set by the workload identity of AKS.',
      },
    )
  }
  const assertion = (await readSmallFile(file, longestFile, 'the token of this workload')).trim()
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: client,
    scope: resource.endsWith('/.default') ? resource : `${resource}/.default`,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  })
  const { customCa, limits, proxy } = await network()
  const answer = await boundedRequest(
    new URL(`${tenant}/oauth2/v2.0/token`, authority).href,
    {
      method: 'POST',
      headers: {
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: form.toString(),
    },
    limits,
    customCa,
    { proxy },
  )
  return tokenIn(readAnswer(await answer.text(), answer.status, from), from, now())
}

function tokenIn(
  answer: Readonly<Record<string, unknown>>,
  from: string,
  now: number,
): PlatformToken {
  const [at, inSeconds] = [secondsIn(answer, 'expires_on'), secondsIn(answer, 'expires_in')]
  const later = inSeconds === undefined ? undefined : now + inSeconds * 1_000
  const expiresAt = at === undefined ? later : at * 1_000
  return { token: textIn(answer, 'access_token'), expiresAt, from }
}
