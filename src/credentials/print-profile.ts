// A profile as the text of its file.
import { Document, isMap, parseDocument } from 'yaml'
import type { Flow, Profile, ProviderClient, SecretReference, WorkloadIdentity } from './profile.ts'

/** What was written by hand stays where the profile says the same, and so do comments. */
export function printProfile(profile: Profile, before = ''): string {
  const found = parseDocument(before, { logLevel: 'error', stringKeys: true })
  const isUsable = found.errors.length === 0 && isMap(found.contents)
  const document = isUsable ? found : new Document({})
  update(document, [], toTree(profile))
  return document.toString({ lineWidth: 0 })
}

type Tree = Readonly<Record<string, unknown>>

function toTree(profile: Profile): Tree {
  const { gateway, endpoints, database, user, caFile, session, store, signIn } = profile
  return defined({
    gateway,
    endpoints: endpoints.map(({ host, port }) => ({ host, port })),
    database,
    user,
    ca_file: caFile,
    session,
    store,
    sign_in: flowTree(signIn),
  })
}

function flowTree(flow: Flow): Tree {
  switch (flow.flow) {
    case 'gateway':
      return defined({ flow: flow.flow, integration: flow.integration })
    case 'command':
      return { flow: flow.flow, command: flow.command }
    case 'workload':
      return { flow: flow.flow, identity: workloadTree(flow.identity) }
    case 'password':
      return defined({
        flow: flow.flow,
        username: flow.username,
        password: secretTree(flow.password),
        ...clientTree(flow),
      })
    case 'browser':
      return defined({ flow: flow.flow, redirect_uri: flow.redirectUri, ...clientTree(flow) })
    case 'device':
    case 'client_credentials':
      return defined({ flow: flow.flow, ...clientTree(flow) })
  }
}

function clientTree(client: ProviderClient): Tree {
  const { issuer, clientId, clientSecret, scopes, audience, use } = client
  return {
    issuer,
    client_id: clientId,
    client_secret: clientSecret && secretTree(clientSecret),
    scopes,
    audience,
    use,
  }
}

function secretTree(reference: SecretReference): Tree {
  switch (reference.kind) {
    case 'file':
      return { file: reference.path }
    case 'environment':
      return { env: reference.name }
    case 'program':
      throw new Error('what a program gives cannot be written into a file')
  }
}

function workloadTree(identity: WorkloadIdentity): Tree {
  switch (identity.kind) {
    case 'environment':
      return { kind: 'env', name: identity.name }
    case 'azure':
      return defined({ kind: 'azure', resource: identity.resource, client_id: identity.clientId })
    case 'file':
    case 'github':
    case 'google':
      return defined({ ...identity })
  }
}

function defined(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([, value]) => value !== undefined))
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Touches what differs alone, so that comments stay where they are. */
function update(document: Document, at: readonly string[], tree: Tree): void {
  const found: unknown = document.getIn(at)
  const keys = isMap(found) ? found.items.map(({ key }) => String(key)) : []
  for (const key of keys) if (!Object.hasOwn(tree, key)) document.deleteIn([...at, key])
  for (const [key, value] of Object.entries(tree)) {
    const place = [...at, key]
    const node: unknown = document.getIn(place, true)
    if (isTree(value) && isMap(node)) update(document, place, value)
    else if (!isSame(document, place, value)) document.setIn(place, document.createNode(value))
  }
}

function isSame(document: Document, place: readonly string[], value: unknown): boolean {
  const js: unknown = document.toJS()
  let found = js
  for (const key of place) found = isTree(found) ? found[key] : undefined
  return JSON.stringify(found) === JSON.stringify(value)
}
