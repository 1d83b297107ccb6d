// What goes wrong with a catalog, in words of the console.
import { ConsoleError } from '../admin/answer.ts'
import { ConfigError, EditRefused, formatProblem } from '../config/index.ts'
import { codeOf, LockTaken } from '../files/file-lock.ts'
import { StoreAway } from '../fleet/store/store.ts'
import { OutcomeUnknown } from './catalog-table.ts'

/** What is wrong with a text that nobody has seen: places by their names, not by lines. */
export function asInvalid(error: ConfigError): ConsoleError {
  const [first, ...more] = error.problems.map(({ path, message }) =>
    path === '' ? message : `${path}: ${message}`,
  )
  return new ConsoleError({
    sqlstate: '22023',
    message: first ?? 'the catalog would not be valid',
    ...(more.length > 0 && { detail: more.join('\n') }),
    hint: 'Nothing was changed.',
  })
}

/** What is wrong with the file as it stands. */
export function asBroken(file: string, error: ConfigError): ConsoleError {
  return new ConsoleError({
    sqlstate: '55000',
    message: `${file} was changed by hand and is not valid: nothing is changed before it is`,
    detail: problemsOf(file, error).join('\n'),
    hint: 'Correct the file, or put back what was in it.',
  })
}

export function problemsOf(file: string, error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems.map((one) => formatProblem(file, one))
  return [`${file}: ${error instanceof Error ? error.message : 'cannot be read'}`]
}

/** Anything that stops a change once it is known to be valid. */
export function asFailure(file: string, error: unknown): unknown {
  if (error instanceof ConsoleError) return error
  if (error instanceof ConfigError) return asInvalid(error)
  const hint = 'Nothing was changed.'
  if (error instanceof EditRefused) {
    return new ConsoleError({ sqlstate: '0A000', message: `${file}: ${error.message}`, hint })
  }
  if (error instanceof LockTaken) {
    return new ConsoleError({ sqlstate: '55P03', message: `${file}: ${error.message}`, hint })
  }
  if (error instanceof StoreAway) {
    return new ConsoleError({
      sqlstate: '08006',
      message: 'the store of the fleet is away: the catalog cannot be changed',
      hint: 'Nothing was changed, and nothing will be. Logins go on by the version that is in use.',
    })
  }
  if (error instanceof OutcomeUnknown) {
    return new ConsoleError({
      sqlstate: '08007',
      message: 'the store of the fleet was lost during the change: it may have come about',
      hint: 'When the store is back, SHOW HISTORY says whether it did; then every replica goes by it.',
    })
  }
  const code = codeOf(error)
  if (code !== undefined && isOfFiles(error)) {
    const message = `${file} cannot be written (${code}): ${remedyOf(code)}`
    return new ConsoleError({ sqlstate: '58030', message, hint })
  }
  const why = error instanceof Error ? error.message : 'failed'
  return new ConsoleError({
    sqlstate: '58000',
    message: `the catalog cannot be used: ${why}`,
    hint,
  })
}

function isOfFiles(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && 'path' in error
}

function remedyOf(code: string): string {
  switch (code) {
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return 'the service needs to write to its folder and to keep its owner, or `catalog: read-only`'
    case 'ENOSPC':
    case 'EDQUOT':
      return 'the disk is full'
    default:
      return 'look at its folder'
  }
}
