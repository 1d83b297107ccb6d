import { Secret } from './secret.ts'
import type { Statement } from './statement.ts'
import type { NumberValue, Placeholder, SecretValue, StringValue } from './value.ts'

/**
 * The statement with its parameters in their places, each as text, a secret or a count. One that no
 * text or no count is given for is left where it is.
 */
export function bindParameters(statement: Statement, texts: readonly string[]): Statement {
  return bound(statement, texts) as Statement
}

function bound(node: unknown, texts: readonly string[]): unknown {
  if (typeof node !== 'object' || node === null || node instanceof Secret) return node
  if (Array.isArray(node)) return node.map((item) => bound(item, texts))
  if (isPlaceholder(node)) return boundPlaceholder(node, texts)
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, bound(value, texts)]))
}

function boundPlaceholder(
  node: Placeholder,
  texts: readonly string[],
): Placeholder | StringValue | SecretValue | NumberValue {
  const text = texts[node.number - 1]
  if (text === undefined) return node
  switch (node.of) {
    case 'secret':
      return { kind: 'secret', secret: new Secret(text) }
    case 'count':
      return /^\d{1,15}$/.test(text) ? { kind: 'number', value: Number(text) } : node
    case 'text':
      return { kind: 'string', value: text }
  }
}

function isPlaceholder(node: object): node is Placeholder {
  return 'kind' in node && node.kind === 'placeholder'
}
