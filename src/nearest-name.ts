/** The name that was probably meant, or `undefined` where none is near enough to be helpful. */
export function nearestName(written: string, names: readonly string[]): string | undefined {
  const wanted = normalized(written)
  const tolerance = Math.min(3, Math.max(1, Math.floor(wanted.length / 3)))
  let nearest: { readonly name: string; readonly distance: number } | undefined
  for (const name of names) {
    if (Math.abs(name.length - wanted.length) > tolerance) continue
    const distance = editDistance(wanted, normalized(name))
    if (distance <= tolerance && distance < (nearest?.distance ?? Infinity)) {
      nearest = { name, distance }
    }
  }
  return nearest?.name
}

function normalized(name: string): string {
  return name.toLowerCase().replaceAll('-', '_')
}

/** Insertions, deletions, substitutions and transpositions of neighbours (optimal string alignment). */
function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const substitution = from[row - 1] === to[column - 1] ? 0 : 1
      let least = Math.min(
        at(previous, column) + 1,
        at(current, column - 1) + 1,
        at(previous, column - 1) + substitution,
      )
      if (from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        least = Math.min(least, at(beforePrevious, column - 2) + 1)
      }
      current.push(least)
    }
    beforePrevious = previous
    previous = current
  }
  return at(previous, to.length)
}

function at(distances: readonly number[], index: number): number {
  return distances[index] ?? Infinity
}
