import { z } from 'zod'
import { flag, integer, section } from '../fields.ts'

const mode = z.enum(['read-write', 'read-only'])

const catalogSection = section({
  mode: mode
    .default('read-write')
    .describe(
      'Whether the console and `portcullis apply` may change the catalog, which is then written into this file. With `read-only` it is changed in the file alone, or in what the file is made from; then a reload takes it over.',
    ),
  versions: integer(1, 1_000)
    .prefault(50)
    .describe(
      'How many versions of this file are kept in the folder `<this file>.versions`, for `ROLLBACK CATALOG`; together at most 64 MiB.',
    ),
  watch: flag()
    .prefault(false)
    .describe(
      'Whether a change of this file that was made by hand takes effect as soon as it is seen, when it is valid. Without it a reload (SIGHUP, `RELOAD`) or the next change from the console takes it over; until then it is told in the log.',
    ),
})

/** One word stands for the mode. */
export const catalog = z
  .preprocess((value) => (typeof value === 'string' ? { mode: value } : value), catalogSection)
  .prefault({})
  .meta({
    description: 'Where the catalog is changed. `catalog: read-only` is short for its `mode`.',
    type: ['object', 'string'],
  })
