export type Mapping = Readonly<Record<string, unknown>>

/** Whether a value of YAML or JSON has keys. */
export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
