/** A command was called as it cannot be. */
export class WrongUsage extends Error {
  override readonly name = 'WrongUsage'
}
