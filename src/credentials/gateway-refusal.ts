/** What the API of a gateway says with a no. */
export interface GatewayError {
  readonly code: string
  readonly description: string | undefined
  readonly hint: string | undefined
  /** By which operators find the call in the log. */
  readonly reference: string | undefined
  /** With `authorization_pending`. */
  readonly deviceCode: string | undefined
}

/** A gateway has said no, or something that is no answer of one. */
export class GatewayRefusal extends Error {
  override readonly name = 'GatewayRefusal'
  readonly status: number
  /** Not shown with the error where somebody prints all of it: a code may be there. */
  readonly #error: GatewayError | undefined

  constructor(status: number, error: GatewayError | undefined) {
    super(`the gateway answered ${status}`)
    this.status = status
    this.#error = error
  }

  get error(): GatewayError | undefined {
    return this.#error
  }

  get code(): string | undefined {
    return this.#error?.code
  }

  get deviceCode(): string | undefined {
    return this.#error?.deviceCode
  }
}
