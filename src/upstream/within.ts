/** What the promise comes to, or the refusal when the time is up; the work itself goes on. */
export async function withinMs<T>(work: Promise<T>, limitMs: number, late: Error): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(late)
  }, limitMs)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
