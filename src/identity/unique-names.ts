/** A string, or a bracket of an object or array: all that shows which names belong to which object. */
const token = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g

/**
 * Whether no object of a JSON text has two members of one name (RFC 7515 4, RFC 7519 4): what such a text
 * says depends on who reads it. The text must be valid JSON. Time grows with its length alone, and nothing
 * recurses.
 */
export function hasUniqueNames(json: string): boolean {
  const open: (Set<unknown> | undefined)[] = []
  for (const [text, colon] of json.matchAll(token)) {
    if (text === '{' || text === '[') open.push(undefined)
    else if (text === '}' || text === ']') open.pop()
    else if (colon !== undefined) {
      const name = unescaped(text.slice(0, -colon.length))
      const names = (open[open.length - 1] ??= new Set())
      if (names.has(name)) return false
      names.add(name)
    }
  }
  return true
}

/** `"sub"` and `"\u0073ub"` are one name. */
function unescaped(name: string): unknown {
  return name.includes('\\') ? JSON.parse(name) : name.slice(1, -1)
}
