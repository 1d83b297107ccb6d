const durationPattern = /^(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?$/
const millisecondsOf = [3_600_000, 60_000, 1000, 1]

/** `1h30m`, `10s`, `500ms`, `0` as milliseconds; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const counts: readonly (string | undefined)[] = durationPattern.exec(text)?.slice(1) ?? []
  if (counts.every((count) => count === undefined)) return undefined
  return millisecondsOf.reduce((sum, unit, index) => sum + unit * Number(counts[index] ?? 0), 0)
}

const bytesOf: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
}

/** `64KiB`, `10kB`, `512` as bytes; `undefined` for anything else. */
export function parseSize(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,12}) ?([kMG]?B|[KMG]iB)?$/.exec(text) ?? []
  return count === undefined ? undefined : Number(count) * (bytesOf[unit ?? 'B'] ?? 1)
}
