// Where somebody goes on after signing in: a page of ours, whatever an address that others made up says.

const longest = 512
/** No percent signs: what is encoded twice is decoded by somebody on the way. */
const ownPath = /^(?:\/[\w.~-]+)*\/?$/
const ownQuery = /^(?:\?[\w.~%=&+:,@*-]*)?$/
/** Pages that would lead back here. */
const notThere = /^\/(?:login|logout|oidc|sign-in|v1)(?:\/|$)/

export const firstPage = '/'

/** The path as it was given, if it can only be ours; else the first page. */
export function readReturnTo(given: string | undefined, publicUrl: string): string {
  if (given?.startsWith('/') !== true || given.length > longest) return firstPage
  const [path, query] = split(given)
  if (!ownPath.test(path) || !ownQuery.test(query)) return firstPage
  // As browsers read it: what they make of dots must not begin with two slashes.
  const url = new URL(given, publicUrl)
  if (url.origin !== publicUrl || !ownPath.test(url.pathname)) return firstPage
  return notThere.test(url.pathname) ? firstPage : url.pathname + url.search
}

function split(given: string): readonly [string, string] {
  const at = given.indexOf('?')
  return at === -1 ? [given, ''] : [given.slice(0, at), given.slice(at)]
}
