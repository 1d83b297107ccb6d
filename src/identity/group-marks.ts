import { createHash } from 'node:crypto'

const markLength = 5

/**
 * Groups as they stand in a session token: each by a few characters of its digest, which are read again
 * against the groups that there are. Of two that look alike neither is told, or read.
 */
export class GroupMarks {
  readonly #groups = new Map<string, string | undefined>()

  constructor(groups: Iterable<string>) {
    for (const group of groups) {
      const mark = markOf(group)
      this.#groups.set(mark, this.#groups.has(mark) ? undefined : group)
    }
  }

  /** Of those among them that have one. */
  write(groups: readonly string[]): string {
    return groups
      .map(markOf)
      .filter((mark) => this.#groups.get(mark) !== undefined)
      .join('')
  }

  read(marks: string): readonly string[] {
    const found: string[] = []
    for (let at = 0; at < marks.length; at += markLength) {
      const group = this.#groups.get(marks.slice(at, at + markLength))
      if (group !== undefined) found.push(group)
    }
    return found
  }

  /** Whether it is one of two that look alike. */
  isAmbiguous(group: string): boolean {
    const mark = markOf(group)
    return this.#groups.has(mark) && this.#groups.get(mark) === undefined
  }
}

function markOf(group: string): string {
  return createHash('sha256').update(`group ${group}`).digest('base64url').slice(0, markLength)
}
