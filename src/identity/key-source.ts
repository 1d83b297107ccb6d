import type { IncomingMessage } from 'node:http'
import { createLocalJWKSet, type JSONWebKeySet } from 'jose'
import { leastDifference, type Timing } from './assess-clock.ts'
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
  const clock = new ProviderClock()
  const watched = { ...access, observe: clock.observe }
  const keys =
    source.kind === 'discovery'
      ? await fetchIssuerKeys({ issuer, ...watched })
      : { issuer, findKey: createLocalJWKSet(await readKeySet(source, watched)) }
  return { ...keys, clockAheadMs: clock.aheadMs }
}

/** What the first answer to the requests of one fetch tells of the time. */
class ProviderClock {
  readonly #sentAt = new Date()
  #timing: Timing | undefined

  readonly observe = ({ headers }: IncomingMessage): void => {
    const { date, age } = headers
    this.#timing ??= { sentAt: this.#sentAt, receivedAt: new Date(), date, age }
  }

  get aheadMs(): number | undefined {
    return this.#timing && leastDifference(this.#timing)
  }
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
