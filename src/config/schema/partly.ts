import { z } from 'zod'

type Shape = Readonly<Record<string, z.ZodType>>

/** All keys of a section but one, none of them required: they complete entries that have the rest. */
export function partly<S extends Shape>(
  shape: S,
  except: keyof S,
): Readonly<Record<string, z.ZodOptional<z.ZodType>>> {
  return Object.fromEntries(
    Object.entries(shape)
      .filter(([key]) => key !== except)
      .map(([key, field]) => [key, z.optional(field)]),
  )
}
