import { type ChildProcess, spawn } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'
import { word } from '../../demo/tour/shell.ts'

const patienceMs = 5_000

/** As what moves on a line writes it. */
const toColumnOne = /\u001B\[1?G/g

export interface Watcher {
  /** What somebody does who sees this, once for each. */
  readonly pattern: RegExp
  readonly react: (seen: RegExpExecArray, terminal: Terminal) => void
}

/** A command on a terminal, somebody in front of it. */
export class Terminal {
  readonly ended: Promise<number>
  readonly #process: ChildProcess
  #shown = ''
  #readTo = 0

  constructor(command: readonly string[], watchers: readonly Watcher[], seconds: number) {
    const line = `stty cols 110 rows 40 2>/dev/null; exec ${command.map(word).join(' ')}`
    this.#process = spawn(
      'script',
      ['--quiet', '--return', '--flush', '--command', line, '/dev/null'],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { PATH: process.env['PATH'], SHELL: '/bin/sh', TERM: 'xterm-256color' },
      },
    )
    this.#process.stdin?.on('error', () => {})
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#shown += text
      this.#look(watchers)
    })
    const timer = setTimeout(() => {
      this.#shown += `\n(not done within ${seconds} s)\n`
      this.#close()
    }, seconds * 1_000)
    this.ended = new Promise((resolve, reject) => {
      this.#process.once('error', reject)
      this.#process.once('close', (code) => {
        clearTimeout(timer)
        resolve(code ?? -1)
      })
    })
  }

  /** What was on the screen so far, without colours. */
  get shown(): string {
    const lines = this.#shown.replaceAll('\r\n', '\n').replaceAll(toColumnOne, '\r')
    return stripVTControlCharacters(lines).replaceAll(/^.*\r/gm, '')
  }

  type(text: string): void {
    this.#process.stdin?.write(text)
  }

  /** By Ctrl-C; and whatever does not mind that, as if the window were closed. */
  async end(): Promise<void> {
    this.type('\x03')
    const timer = setTimeout(() => {
      this.#close()
    }, patienceMs)
    await this.ended
    clearTimeout(timer)
  }

  /** Its processes are hung up on by the system. */
  #close(): void {
    this.#process.kill('SIGKILL')
  }

  #look(watchers: readonly Watcher[]): void {
    for (const { pattern, react } of watchers) {
      const unread = stripVTControlCharacters(this.#shown.slice(this.#readTo))
      const seen = pattern.exec(unread)
      if (seen === null) continue
      this.#readTo = this.#shown.length
      react(seen, this)
    }
  }
}
