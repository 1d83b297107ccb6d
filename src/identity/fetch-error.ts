/** A request to a provider that came to nothing. */
export class FetchError extends Error {
  override readonly name = 'FetchError'
}
