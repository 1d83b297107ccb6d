// The file that says who is not let in. Nothing in it is interpolated: names in it may be chosen by those
// whom it is about.
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { network, section, text } from './fields.ts'
import { describeIssue, expectingText } from './messages.ts'
import { readTextFile, UnreadableFile } from './read-text-file.ts'

export const maxDenyFileBytes = 1024 * 1024

/** A file that cannot be used: nothing of it counts. */
export class DenyFileError extends Error {
  override readonly name = 'DenyFileError'

  constructor(path: string, problem: string, cause?: unknown) {
    super(`deny_file ${path} ${problem}`, { cause })
  }
}

const timeRule =
  'must be a time with its zone, such as "2026-12-31T18:00:00Z" or "2026-12-31T18:00:00+01:00"'

const time = z
  .string({ error: expectingText(timeRule) })
  .refine((value) => z.iso.datetime({ offset: true }).safeParse(value).success, timeRule)
  .transform((value) => Date.parse(value))

function name(): z.ZodType<string, string> {
  return text('string', 'must be a string that is not empty')
}

const hash = text('hash', 'must be a SHA-256 in hex, as the audit has it', (value) =>
  /^[0-9a-f]{64}$/.test(value),
)

const criteria = {
  issuer: name().optional(),
  subject: name().optional(),
  principal: name().optional(),
  group: name().optional(),
  role: name().optional(),
  token_id: name().optional(),
  token_id_hash: hash.optional(),
  address: network().optional(),
}

const entrySchema = section({
  ...criteria,
  until: time.optional(),
  reason: name().optional(),
}).superRefine((entry, context) => {
  if (entry.token_id !== undefined && entry.token_id_hash !== undefined) {
    context.addIssue({ code: 'custom', message: 'must have token_id or token_id_hash, not both' })
  }
  if (Object.keys(criteria).some((key) => key in entry)) return
  const message = `must say who is denied, by one of ${Object.keys(criteria).join(', ')}`
  context.addIssue({ code: 'custom', message })
})

const fileSchema = z.array(entrySchema, {
  error: 'must be a list of entries; [] denies nobody',
})

export type DenyEntry = Readonly<z.output<typeof entrySchema>>

/** Reads the whole file or throws: of a broken one no entry is better than another. */
export function readDenyFile(path: string): readonly DenyEntry[] {
  try {
    return parseDenyFile(readTextFile(path, maxDenyFileBytes))
  } catch (error) {
    if (error instanceof UnreadableFile || error instanceof BadContent) {
      throw new DenyFileError(path, error.message, error.cause)
    }
    throw error
  }
}

class BadContent extends Error {}

export function parseDenyFile(content: string): readonly DenyEntry[] {
  const result = fileSchema.safeParse(readValue(content), { error: describeIssue })
  if (result.success) return result.data
  const [issue] = result.error.issues
  const [index, key] = issue?.path ?? []
  const where = typeof index === 'number' ? `entry ${index + 1}: ` : ''
  const named = key === undefined ? '' : `${String(key)} `
  const unknown = issue?.code === 'unrecognized_keys' ? `${issue.keys.join(', ')}: ` : ''
  throw new BadContent(
    `is not used, ${where}${named}${unknown}${issue?.message.split('\n')[0] ?? 'is not valid'}`,
  )
}

/** JSON is YAML, and is read many times faster as what it is. */
function readValue(content: string): unknown {
  try {
    return JSON.parse(content) as unknown
  } catch {
    return readYaml(content)
  }
}

function readYaml(content: string): unknown {
  const document = parseDocument(content, {
    schema: 'core',
    stringKeys: true,
    resolveKnownTags: false,
    prettyErrors: false,
    logLevel: 'error',
  })
  const [error] = document.errors
  if (error !== undefined) {
    throw new BadContent(`is not used, it is neither YAML nor JSON (${error.code})`)
  }
  try {
    return document.toJS({ maxAliasCount: 0 }) as unknown
  } catch {
    throw new BadContent('is not used, it has aliases: write each entry out')
  }
}
