// Machines, Cloud Run, and pods of Google's cloud: the metadata server signs for the service account.
import { CredentialProblem } from '../../problem.ts'
import type { SourceContext } from '../../source-context.ts'
import type { PlatformToken } from './platform-token.ts'
import { askMetadata } from './metadata.ts'
import { refusedBy } from './read-answer.ts'

const from = "Google's metadata server"
/** By its address: nobody's name service is asked. */
const usualHost = '169.254.169.254'
const path = '/computeMetadata/v1/instance/service-accounts/default/identity'

export async function askGoogle(
  { audience }: { readonly audience: string },
  { environment }: SourceContext,
): Promise<PlatformToken> {
  // Google's own libraries know them; the second is the older one.
  const host = environment['GCE_METADATA_HOST'] ?? environment['GCE_METADATA_ROOT'] ?? usualHost
  const query = new URLSearchParams({ audience, format: 'full' })
  const { status, headers, text } = await askMetadata(
    `http://${host}${path}?${query.toString()}`,
    { 'Metadata-Flavor': 'Google' },
    from,
  )
  // Whoever else answers there does not say it.
  if (headers['metadata-flavor'] !== 'Google') {
    throw new CredentialProblem('unreachable', `${host} is no metadata server of Google`)
  }
  if (status !== 200) throw refusedBy(from, status)
  return { token: text.trim(), from }
}
