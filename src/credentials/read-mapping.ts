// A mapping of a profile, key by key. A table of this size is read in a tenth of the time that a library of
// schemas takes to load, and `portcullis token` is run for every connection.
import { nearestName } from '../nearest-name.ts'

/** What a value has to be like: undefined where it is. */
export type Rule = (value: string) => string | undefined

const longestText = 2_000
const mostEntries = 100

/** Reads what is asked for and notes what is wrong, never the value: it may be a secret in the wrong place. */
export class Mapping {
  readonly #values: ReadonlyMap<string, unknown>
  readonly #path: string
  readonly #problems: string[]
  readonly #known = new Set<string>()

  constructor(value: unknown, path: string, problems: string[]) {
    this.#path = path
    this.#problems = problems
    const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value)
    if (!isMapping) {
      problems.push(`${path === '' ? 'it' : path} must be a mapping of keys to values`)
    }
    this.#values = new Map(isMapping ? Object.entries(value) : [])
  }

  report(key: string, what: string): void {
    this.#problems.push(`${this.#pathOf(key)} ${what}`)
  }

  has(key: string): boolean {
    return this.#values.has(key)
  }

  /** Empty where it is missing, which is noted. */
  requiredText(key: string, rule?: Rule): string {
    if (!this.has(key)) this.#missing(key)
    return this.text(key, rule) ?? ''
  }

  text(key: string, rule?: Rule): string | undefined {
    const value = this.#take(key)
    return value === undefined ? undefined : this.#checkText(key, value, rule)
  }

  requiredTexts(key: string): readonly string[] {
    if (!this.has(key)) this.#missing(key)
    return this.texts(key) ?? []
  }

  texts(key: string): readonly string[] | undefined {
    return this.#list(key)?.map((one, index) => this.#checkText(`${key}[${index}]`, one) ?? '')
  }

  flag(key: string): boolean | undefined {
    const value = this.#take(key)
    if (value === undefined || typeof value === 'boolean') return value
    this.report(key, 'must be true or false')
    return undefined
  }

  port(key: string): number | undefined {
    const value = this.#take(key)
    if (value === undefined) return undefined
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535) {
      return value
    }
    this.report(key, 'must be a number from 1 to 65535')
    return undefined
  }

  choice<Name extends string>(key: string, names: readonly Name[]): Name | undefined {
    const value = this.#take(key)
    if (value === undefined) return undefined
    const chosen = names.find((name) => name === value)
    if (chosen !== undefined) return chosen
    const meant = typeof value === 'string' ? nearestName(value, names) : undefined
    this.report(
      key,
      `must be one of ${names.join(', ')}${meant === undefined ? '' : `: is ${meant} meant?`}`,
    )
    return undefined
  }

  requiredChoice<Name extends string>(key: string, names: readonly Name[]): Name | undefined {
    if (!this.has(key)) this.#missing(key, `: one of ${names.join(', ')}`)
    return this.choice(key, names)
  }

  /** For whoever has rules of their own. */
  any(key: string): unknown {
    return this.#take(key)
  }

  mapping(key: string): Mapping | undefined {
    const value = this.#take(key)
    return value === undefined ? undefined : new Mapping(value, this.#pathOf(key), this.#problems)
  }

  requiredMapping(key: string): Mapping {
    if (!this.has(key)) this.#missing(key)
    return this.mapping(key) ?? new Mapping({}, this.#pathOf(key), [])
  }

  mappings(key: string): readonly Mapping[] {
    return (this.#list(key) ?? []).map(
      (one, index) => new Mapping(one, `${this.#pathOf(key)}[${index}]`, this.#problems),
    )
  }

  /** To be called when all keys that there may be have been asked for. */
  end(): void {
    const known = [...this.#known]
    for (const key of this.#values.keys()) {
      if (this.#known.has(key)) continue
      const meant = nearestName(key, known)
      const advice = meant === undefined ? `there are ${known.join(', ')}` : `is ${meant} meant?`
      this.report(key, `is no key here: ${advice}`)
    }
  }

  #list(key: string): readonly unknown[] | undefined {
    const value = this.#take(key)
    if (value === undefined) return undefined
    if (Array.isArray(value) && value.length <= mostEntries) return value as readonly unknown[]
    this.report(key, `must be a list of at most ${mostEntries}`)
    return undefined
  }

  #checkText(key: string, value: unknown, rule?: Rule): string | undefined {
    const problem = textProblem(value) ?? rule?.(String(value))
    if (problem === undefined) return String(value)
    this.report(key, problem)
    return undefined
  }

  #take(key: string): unknown {
    this.#known.add(key)
    const value = this.#values.get(key)
    if (value !== null) return value
    this.report(key, 'is empty: give it a value, or take the line out')
    return undefined
  }

  #missing(key: string, advice = ''): void {
    this.report(key, `is required${advice}`)
  }

  #pathOf(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`
  }
}

function textProblem(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') {
    return 'must be text: put the value in quotes'
  }
  if (typeof value !== 'string') return 'must be text'
  if (value === '') return 'is empty: give it a value, or take the line out'
  if (value.length > longestText) return `has more than ${longestText} characters`
  return /\p{Cc}/u.test(value) ? 'has characters that cannot be printed' : undefined
}
