import type { Port } from '../../../src/fleet/channel.ts'

/** Two ends of one wire; structured cloning as an IPC channel does it. */
export class Wire implements Port {
  connected = true
  other: Wire | undefined
  readonly #receivers: ((message: unknown) => void)[] = []
  readonly #listeners: (() => void)[] = []

  static pair(): [Wire, Wire] {
    const [a, b] = [new Wire(), new Wire()]
    a.other = b
    b.other = a
    return [a, b]
  }

  send(message: object): void {
    const copy: unknown = structuredClone(message)
    queueMicrotask(() => {
      this.other?.receive(copy)
    })
  }

  receive(message: unknown): void {
    for (const receive of this.#receivers) receive(message)
  }

  onMessage(receive: (message: unknown) => void): void {
    this.#receivers.push(receive)
  }

  onDisconnect(listener: () => void): void {
    this.#listeners.push(listener)
  }

  disconnect(): void {
    this.connected = false
    for (const listener of this.#listeners) listener()
  }
}
