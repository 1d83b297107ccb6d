/** So many questions are under way at once: a check must not be a burden for whom it asks. */
const mostAtOnce = 4

/** As `Promise.all` of a map, but a few at a time. */
export async function inTurns<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = []
  const rest = items.entries()
  const worker = async (): Promise<void> => {
    for (const [index, item] of rest) results[index] = await work(item)
  }
  await Promise.all(Array.from({ length: mostAtOnce }, worker))
  return results
}
