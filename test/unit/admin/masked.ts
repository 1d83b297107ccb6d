import { Secret } from '../../../src/admin/grammar/secret.ts'

/** A statement as it reads after it was printed: without its secrets. */
export function masked(node: unknown): unknown {
  if (node instanceof Secret) return undefined
  if (Array.isArray(node)) return node.map(masked)
  if (typeof node !== 'object' || node === null) return node
  // A number of a parameter does not tell that it is of a secret: its place does.
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, masked(value)]))
}
