import { fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Finding, Run } from './engine.ts'
import type { TargetName } from './targets/names.ts'

export interface ChildOptions {
  readonly target: TargetName
  readonly seed: number
  readonly maxInputs: number
  readonly maxMs: number
  /** Where the child notes which input it has begun. */
  readonly noteFile: string
}

export type Report = { readonly kind: 'done'; readonly run: Run } | { readonly kind: 'absent' }

export type Watched = Report | { readonly kind: 'broken'; readonly finding: Finding }

/** No input takes this long: sessions have deadlines of their own that are shorter. */
const hangMs = 30_000
const lookEveryMs = 1_000
/** Until the first input. */
const loadingMs = 120_000
const headBytes = 8

/** Notes each input before it is run, so that one that never ends, or ends the process, is known. */
export function noteInputs(file: string): (input: Buffer) => void {
  const descriptor = openSync(file, 'w')
  let count = 0
  return (input) => {
    const head = Buffer.alloc(headBytes)
    head.writeUInt32BE(++count >>> 0, 0)
    head.writeUInt32BE(input.length, 4)
    writeSync(descriptor, Buffer.concat([head, input]), 0, undefined, 0)
  }
}

function readNote(file: string): { readonly count: number; readonly input: Buffer } {
  const note = readFileSync(file)
  if (note.length < headBytes) return { count: 0, input: Buffer.alloc(0) }
  const input = note.subarray(headBytes, headBytes + note.readUInt32BE(4))
  return { count: note.readUInt32BE(0), input }
}

/** Runs a target in a process, and ends it where an input takes for ever or brings the process down. */
export async function watch(options: Omit<ChildOptions, 'noteFile'>): Promise<Watched> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-fuzz-'))
  const noteFile = join(folder, 'input')
  closeSync(openSync(noteFile, 'w'))
  const child = fork(
    fileURLToPath(new URL('child.ts', import.meta.url)),
    [JSON.stringify({ ...options, noteFile } satisfies ChildOptions)],
    { serialization: 'advanced', stdio: ['ignore', 'inherit', 'pipe', 'ipc'] },
  )
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const { promise, resolve } = Promise.withResolvers<Watched>()
  const broken = (problem: string): void => {
    resolve({ kind: 'broken', finding: { input: readNote(noteFile).input, problem } })
  }
  let last = 0
  let movedAt = performance.now()
  const look = setInterval(() => {
    const now = performance.now()
    const { count } = readNote(noteFile)
    if (count !== last) [last, movedAt] = [count, now]
    const forMs = now - movedAt
    if (forMs > (last === 0 ? loadingMs : hangMs)) broken(`no end after ${Math.round(forMs)} ms`)
  }, lookEveryMs)
  const gone = once(child, 'close')
  child.once('message', (report: Report) => {
    resolve(report)
  })
  child.once('close', (code, signal) => {
    broken(`the process ended with ${String(code ?? signal)}\n${errors.trim()}`)
  })
  try {
    return await promise
  } finally {
    clearInterval(look)
    child.kill('SIGKILL')
    await gone
    await rm(folder, { recursive: true, force: true })
  }
}
