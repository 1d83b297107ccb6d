const deadlineMs = 1_500

/** Waits, turn by turn of the event loop, until something is so. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const startedAt = performance.now()
  while (!isSo()) {
    if (performance.now() - startedAt > deadlineMs) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
