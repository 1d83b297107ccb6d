import { createLocalJWKSet, type JSONWebKeySet } from 'jose'
import { fetchIssuerKeys, type IssuerKeys } from './discovery.ts'
import { parseKeySet } from './key-set.ts'
import { getFromProvider, type ProviderAccess } from './provider-access.ts'
import { readBoundedFile } from './read-bounded-file.ts'

/** Where the keys of an issuer are found. */
export type KeySource =
  | { readonly kind: 'discovery' }
  | { readonly kind: 'uri'; readonly uri: string }
  | { readonly kind: 'file'; readonly path: string }
  /** A key set as JSON. */
  | { readonly kind: 'inline'; readonly text: string }

/** Without a discovery document the issuer is called as it is configured, byte for byte. */
export async function findIssuerKeys(
  issuer: string,
  source: KeySource,
  access: ProviderAccess,
): Promise<IssuerKeys> {
  if (source.kind === 'discovery') return fetchIssuerKeys({ issuer, ...access })
  return { issuer, findKey: createLocalJWKSet(await readKeySet(source, access)) }
}

/** The key set of a source, without a look at the keys in it. */
export async function readKeySet(
  source: Exclude<KeySource, { kind: 'discovery' }>,
  access: ProviderAccess,
): Promise<JSONWebKeySet> {
  switch (source.kind) {
    case 'uri':
      return parseKeySet(await (await getFromProvider(source.uri, access)).text())
    case 'file':
      return parseKeySet(await readBoundedFile(source.path, access.limits.maxBytes))
    case 'inline':
      return parseKeySet(source.text)
  }
}
