import { isatty } from 'node:tty'
import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

const width = 100
const frames = ['-', '\\', '|', '/']
const frameMs = 120
const timeWidth = 7
const entryWidth = 18

/** What the user sees: plain lines; on a terminal also colours and something that moves. */
export class Screen {
  readonly #stream: typeof process.stdout
  readonly #moves: boolean
  readonly #hasColours: boolean

  constructor(stream: typeof process.stdout, environment: NodeJS.ProcessEnv) {
    this.#stream = stream
    this.#moves = isatty(stream.fd) && environment['TERM'] !== 'dumb'
    this.#hasColours = this.#moves && (environment['NO_COLOR'] ?? '') === ''
  }

  print(text = ''): void {
    this.#stream.write(`${text}\n`)
  }

  heading(text: string): void {
    this.print(`\n${this.#styled(['bold', 'cyan'], `== ${text} ==`)}\n`)
  }

  /** Something to be typed or pasted. */
  command(text: string): void {
    this.print(this.#styled('green', text))
  }

  /** Something to be typed, behind what it is for. */
  entry(what: string, text: string): void {
    this.print(`${what.padEnd(entryWidth)}${this.#styled('green', text)}`)
  }

  /** What another program printed, indented, with lines that are too long wrapped. */
  quote(text: string): void {
    for (const line of text.trimEnd().split('\n')) this.print(indent(wrap(line, width - 4)))
  }

  failure(text: string): void {
    this.print(`\n${this.#styled('red', text)}`)
  }

  /** Shows that something is done meanwhile, then in one line how long it took and what came of it. */
  async step<T>(
    doing: string,
    work: Promise<T>,
    done: string | ((result: T) => string),
  ): Promise<T> {
    const startedAt = performance.now()
    const stopMoving = this.#moves ? this.#move(doing) : () => {}
    let result: T
    try {
      result = await work
    } finally {
      stopMoving()
    }
    const seconds = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`
    const text = typeof done === 'string' ? done : done(result)
    this.print(`${this.#styled('dim', seconds.padStart(timeWidth))}  ${text}`)
    return result
  }

  #move(doing: string): () => void {
    let count = 0
    const draw = (): void => {
      const frame = frames[count++ % frames.length] ?? ''
      this.#stream.write(`\r\x1b[K${frame.padStart(timeWidth)}  ${doing}`)
    }
    draw()
    const timer = setInterval(draw, frameMs)
    return () => {
      clearInterval(timer)
      this.#stream.write('\r\x1b[K')
    }
  }

  #styled(style: Style, text: string): string {
    return this.#hasColours ? styleText(style, text, { validateStream: false }) : text
  }
}

function indent(lines: readonly string[]): string {
  return lines.map((line, index) => `${index === 0 ? '  ' : '    '}${line}`).join('\n')
}

function wrap(line: string, columns: number): string[] {
  const rest = line.trimEnd()
  if (rest.length <= columns) return [rest]
  const space = rest.lastIndexOf(' ', columns)
  if (space <= 0) return [rest]
  return [rest.slice(0, space), ...wrap(rest.slice(space + 1), columns)]
}
