/** A change that cannot be made in the text of a file. The message says why, and repeats no value of it. */
export class EditRefused extends Error {
  override readonly name = 'EditRefused'
}
