// The forms in which CockroachDB's settings are written.
import { z } from 'zod'
import { Fault, readFlag } from '../cockroach-values.ts'
import { expecting, expectingText } from '../messages.ts'

export const words = z.string({ error: expectingText('must be a string') })

/** A value in its written form, read by a function that throws Faults. */
export function read<W, V, I>(
  form: z.ZodType<W, I>,
  kind: string,
  reader: (written: W) => V,
): z.ZodType<V, I> {
  return form
    .transform((written, context) => {
      try {
        return reader(written)
      } catch (error) {
        if (!(error instanceof Fault)) throw error
        context.addIssue({ code: 'custom', message: error.message })
        return z.NEVER
      }
    })
    .meta({ 'x-type': kind })
}

export function settingFlag(): z.ZodPrefault<z.ZodType<boolean, boolean | string>> {
  const rule = 'must be on or off, true or false'
  return read(
    z.union([z.boolean(), z.string()], { error: expecting(rule) }),
    'on or off',
    readFlag,
  ).prefault(false)
}
