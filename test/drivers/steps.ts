/** What every client does, in this order. README.md says what each of them checks. */
export const stepNames = [
  'connect',
  'parameters',
  'transaction',
  'error',
  'copy',
  'large-result',
  'cancel',
  'notify',
  'pipeline',
  'large-token',
  'wrong-token',
  'expired-token',
  'fresh-token',
] as const

export type StepName = (typeof stepNames)[number]

/** One line of a client: done, failed, or (`null`) nothing that this driver has. */
export interface StepLine {
  readonly step: string
  readonly ok: boolean | null
  readonly detail: string
}

/** The lines that are steps. Whatever else a runtime prints is left out. */
export function readStepLines(output: string): ReadonlyMap<string, StepLine> {
  const lines = new Map<string, StepLine>()
  for (const text of output.split('\n')) {
    const line = parseLine(text)
    if (line !== undefined) lines.set(line.step, line)
  }
  return lines
}

function parseLine(text: string): StepLine | undefined {
  if (!text.startsWith('{')) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  return isStepLine(value) ? value : undefined
}

function isStepLine(value: unknown): value is StepLine {
  if (typeof value !== 'object' || value === null) return false
  const { step, ok, detail } = value as Record<string, unknown>
  return (
    typeof step === 'string' &&
    (typeof ok === 'boolean' || ok === null) &&
    typeof detail === 'string'
  )
}
