// Changes of a configuration in the text of its file.
import { EditRefused } from './edit-refused.ts'
import { unusual } from './layout.ts'
import { applyStep } from './splice.ts'
import { stepsBetween } from './steps.ts'
import {
  applyToTree,
  isSame,
  readWritten,
  valueAt,
  type WrittenEdit,
  type WrittenMap,
} from './written.ts'

export interface EditedText {
  readonly text: string
  /** What the text says. */
  readonly tree: WrittenMap
}

/**
 * Makes the edits one after the other. Comments, order, quotes and blank lines of what they do not concern
 * stay. `said` is what the text says, if that is known. Throws an `EditRefused` where that cannot be done; never returns a text that says anything else.
 */
export function editText(
  text: string,
  edits: readonly WrittenEdit[],
  said = readWritten(text),
): EditedText {
  let tree = said
  let edited = text
  const lineBreak = /\r?\n/.exec(text)?.[0] ?? '\n'
  for (const edit of edits) {
    const wanted = applyToTree(tree, edit)
    const steps =
      edit.kind === 'remove'
        ? [edit]
        : stepsBetween(valueAt(tree, edit.path), valueAt(wanted, edit.path) ?? null, edit.path)
    for (const step of steps) edited = applyStep(edited, step, lineBreak)
    tree = wanted
  }
  if (edits.length > 0 && !says(edited, tree)) throw unusual()
  return { text: edited, tree }
}

/** Whatever has gone wrong with a text comes out here. */
function says(text: string, tree: WrittenMap): boolean {
  try {
    return isSame(readWritten(text), tree)
  } catch (error) {
    if (error instanceof EditRefused) return false
    throw error
  }
}
