import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { expect } from 'vitest'
import type { ApiAnswer } from './api-client.ts'

type Json = Readonly<Record<string, unknown>>

/** Holds answers of the API against its own document, with a validator that knows nothing of ours. */
export class DescribedApi {
  readonly document: Json
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })
  readonly #seen = new Set<string>()

  constructor(document: Json) {
    this.document = document
    this.#ajv.addSchema(document, 'document')
  }

  /** Every path with its method. */
  get operations(): readonly { readonly method: string; readonly path: string }[] {
    const paths = this.document['paths'] as Readonly<Record<string, Json>>
    return Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method, path })),
    )
  }

  /** What was answered so far: `post /v1/sso_token 200`. */
  get seen(): ReadonlySet<string> {
    return this.#seen
  }

  /** Fails where the document has no such answer, or another one. */
  check(method: string, path: string, answer: ApiAnswer): void {
    const at = ['paths', path, method.toLowerCase(), 'responses', String(answer.status)]
    const response = find(this.document, at)
    expect(response, `${at.join(' ')} is not in the document: ${answer.text}`).toBeDefined()
    const schema = find(response, ['content', 'application/json', 'schema'])
    this.#seen.add(`${method.toLowerCase()} ${path} ${answer.status}`)
    if (schema === undefined) return
    expect(answer.headers['content-type'], answer.text).toMatch(/^application\/json/)
    const pointer = [...at, 'content', 'application/json', 'schema'].map(escaped).join('/')
    const validate = this.#ajv.getSchema(`document#/${pointer}`) as ValidateFunction
    expect(validate(answer.json), JSON.stringify([validate.errors, answer.json])).toBe(true)
  }
}

function find(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (found, name) =>
      typeof found === 'object' && found !== null ? (found as Json)[name] : undefined,
    value,
  )
}

function escaped(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))
}
