import { ConsoleError } from '../answer.ts'
import type { Count } from '../grammar/statement.ts'
import type { Text } from '../grammar/value.ts'

/** Throws where a parameter was not given. */
export function textOf(value: Text, position: number): string {
  if (value.kind === 'string') return value.value
  return missing(value.number, position)
}

export function countOf(value: Count, position: number): number {
  if (value.kind === 'number') return value.value
  return missing(value.number, position)
}

/** Undefined where nothing was said. */
export function limitOf(value: Count | undefined, position: number): number | undefined {
  return value === undefined ? undefined : countOf(value, position)
}

function missing(number: number, position: number): never {
  throw new ConsoleError({
    sqlstate: '08P01',
    message: `there is no usable value for parameter $${number}`,
    position,
  })
}
