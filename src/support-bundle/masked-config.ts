import { stringify } from 'yaml'
import { createMasker, isList, isMapping, maskedSecret, readWritten } from '../config/index.ts'

type Written = ReturnType<typeof readWritten>[string]

export interface MaskedConfig {
  /** Undefined where the text is no YAML. */
  readonly text: string | undefined
  /** What was masked, to be taken out elsewhere. */
  readonly secrets: readonly string[]
}

/** A configuration without its secrets and its comments. A key that is unknown may be a misspelt secret. */
export function maskConfig(text: string): MaskedConfig {
  let written: Written
  try {
    written = readWritten(text)
  } catch {
    return { text: undefined, secrets: [] }
  }
  const masked = createMasker({ masksUnknown: true })(written)
  return {
    text: stringify(masked, { lineWidth: 0, aliasDuplicateObjects: false }),
    secrets: [...maskedTexts(written, masked)],
  }
}

function* maskedTexts(before: Written | undefined, after: Written): Generator<string> {
  if (after === maskedSecret) yield* textsOf(before)
  else if (isList(after) && isList(before ?? null)) {
    for (const [index, one] of after.entries()) {
      yield* maskedTexts((before as readonly Written[])[index], one)
    }
  } else if (isMapping(after) && isMapping(before ?? null)) {
    for (const [key, one] of Object.entries(after)) {
      yield* maskedTexts((before as Readonly<Record<string, Written>>)[key], one)
    }
  }
}

function* textsOf(value: Written | undefined): Generator<string> {
  if (typeof value === 'string' || typeof value === 'number') yield String(value)
  else if (isList(value ?? null)) for (const one of value as readonly Written[]) yield* textsOf(one)
  else if (isMapping(value ?? null)) {
    for (const one of Object.values(value as Readonly<Record<string, Written>>)) yield* textsOf(one)
  }
}
