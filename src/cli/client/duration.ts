/** A moment for people: when, and how far away that is. */
export function formatMoment(atMs: number, nowMs: number): string {
  const at = new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z')
  const away = formatDuration(Math.abs(atMs - nowMs))
  return atMs >= nowMs ? `${at}, in ${away}` : `${at}, ${away} ago`
}

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const

/** The largest unit alone, rounded down: what is said is never more than what is left. */
function formatDuration(ms: number): string {
  for (const [unit, length] of units) {
    const count = Math.floor(ms / length)
    if (count > 0) return count === 1 ? `1 ${unit}` : `${count} ${unit}s`
  }
  return 'less than a second'
}
