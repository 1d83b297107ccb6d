import { execFile } from 'node:child_process'
import type { FSWatcher } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { browserInbox, watchBrowser } from '../support/desktop.ts'
import { Terminal, type Watcher } from '../support/terminal.ts'
import { until } from '../support/until.ts'
import { type Block, fileOf } from './document.ts'
import { type Image, Machine } from './machine.ts'
import { approve, signIn } from './person.ts'
import { type Meanwhile, type Scene, type Step } from './scenes.ts'
import { show } from './show.ts'
import { type Certificates, systemBundle } from './town.ts'

const execute = promisify(execFile)
const blockSeconds = 25
const prompt = /=[>#] $/
const device = /(https:\/\/\S+)[^]*?\b([A-Z]{4}-[A-Z]{4})\b/

export interface Cast {
  readonly name: string
  readonly folder: string
  readonly scene: Scene
  readonly blocks: readonly Block[]
  readonly image: Image
  readonly certificates: Certificates
}

/** One machine, and who sits there. */
export class Actor {
  readonly #machine: Machine
  readonly #cast: Cast
  readonly #running: Terminal[] = []
  #inbox: FSWatcher | undefined

  private constructor(machine: Machine, cast: Cast) {
    this.#machine = machine
    this.#cast = cast
  }

  static async create(cast: Cast): Promise<Actor> {
    const { name, folder, scene, blocks, image } = cast
    const given = blocks.flatMap((block) => {
      const file = fileOf(block)
      return file === undefined ? [] : [[file, block.text] as const]
    })
    const files = { ...scene.machine.files, ...Object.fromEntries(given) }
    // Whoever names a file has an authority that the machine does not know.
    const knows = !Object.hasOwn(files, '~/ca.crt')
    const machine = await Machine.create({
      ...scene.machine,
      ...{ name, folder, files },
      image: knows ? image : { ...image, authorities: systemBundle },
    })
    const actor = new Actor(machine, {
      ...cast,
      blocks: blocks.filter((block) => fileOf(block) === undefined),
    })
    actor.#watchBrowser()
    return actor
  }

  async play(): Promise<readonly boolean[]> {
    const { steps } = this.#cast.scene
    const results: boolean[] = []
    if (steps.length !== this.#cast.blocks.length) {
      process.stdout.write(
        `FAILED ${this.#machine.name}: ${this.#cast.blocks.length} blocks, ${steps.length} are known\n`,
      )
      return [false]
    }
    for (const [index, block] of this.#cast.blocks.entries()) {
      const step = steps[index]
      if (step !== undefined) results.push(await this.#do(block, step))
    }
    return results
  }

  async leave(): Promise<void> {
    this.#inbox?.close()
    for (const terminal of this.#running) await terminal.end()
  }

  async #do(block: Block, step: Step): Promise<boolean> {
    const command = this.#machine.command(block.text)
    if (!this.#cast.scene.hasPerson) {
      const { stdout, stderr, failure } = await runAlone(command)
      const shown = `${stderr}${stdout}`
      const isGood = failure === undefined && step.sees.every((sees) => sees.test(shown))
      show(block, shown, isGood)
      return isGood
    }
    const terminal = new Terminal(command, this.#watchers(step), blockSeconds)
    if (step.meanwhile !== undefined) return this.#doMeanwhile(block, terminal, step.meanwhile)
    const code = await terminal.ended
    const { shown } = terminal
    const isGood = code === 0 && step.sees.every((sees) => sees.test(shown))
    show(block, shown, isGood)
    return isGood
  }

  async #doMeanwhile(block: Block, terminal: Terminal, meanwhile: Meanwhile): Promise<boolean> {
    this.#running.push(terminal)
    const { ready, script, sees, needsJava = false } = meanwhile
    const isReady = (): boolean => ready.test(terminal.shown)
    await until('it is ready', isReady).catch(() => undefined)
    const seen = ready.exec(terminal.shown)
    if (seen === null) {
      show(block, terminal.shown, false)
      return false
    }
    if (needsJava && this.#cast.image.java === undefined) {
      show(block, `${terminal.shown}(SKIPPED: there is no Java)`, true)
      return true
    }
    const text = script(seen)
    const { stdout, stderr, failure } = await runAlone(this.#machine.command(text))
    const isGood = failure === undefined && sees.every((one) => one.test(stdout))
    show(
      { ...block, text: `${block.text} ${text}` },
      `${terminal.shown}\n${stderr}${stdout}`,
      isGood,
    )
    return isGood
  }

  /** What somebody does in front of it. */
  #watchers({ types = [] }: Step): readonly Watcher[] {
    const left = [...types]
    return [
      {
        pattern: prompt,
        react: (_, terminal) => {
          terminal.type(left.shift() ?? '\\q\n')
        },
      },
      {
        pattern: device,
        react: ([, address = '', code = '']) => {
          if (this.#hasBrowser) return
          void this.#tell(approve(address, code, this.#cast.certificates.authority))
        },
      },
    ]
  }

  get #hasBrowser(): boolean {
    return this.#cast.scene.machine.environment?.['DISPLAY'] !== undefined
  }

  #watchBrowser(): void {
    if (!this.#hasBrowser) return
    const inbox = join(this.#machine.home, browserInbox)
    this.#inbox = watchBrowser(inbox, (address) => {
      void this.#tell(signIn(address, this.#cast.certificates.authority))
    })
  }

  /** The browser shows it, beside the terminal. */
  async #tell(page: Promise<string>): Promise<void> {
    const told = await page.catch((error: unknown) => `failed: ${String(error)}`)
    process.stdout.write(`\n  (the browser shows: ${told})\n`)
  }
}

interface Ran {
  readonly stdout: string
  readonly stderr: string
  readonly failure: string | undefined
}

/** Without a terminal, as programs are run by others. */
async function runAlone([program, ...args]: readonly [string, ...string[]]): Promise<Ran> {
  try {
    const { stdout, stderr } = await execute(program, args, { timeout: blockSeconds * 1_000 })
    return { stdout, stderr, failure: undefined }
  } catch (error) {
    const { stdout = '', stderr = '' } = error as Partial<Ran>
    return { stdout, stderr, failure: error instanceof Error ? error.message : 'failed' }
  }
}
