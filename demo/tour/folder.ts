import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Janitor } from '../janitor.ts'

/** The folder of a demo, for this user alone; gone when it is disposed of, or when the process is. */
export class Folder {
  readonly path: string
  readonly #janitor: Janitor

  private constructor(path: string) {
    this.path = path
    this.#janitor = new Janitor(path, 'TERM')
  }

  static async create(): Promise<Folder> {
    // Its path appears in commands of several languages, where nothing needs to be escaped in this way.
    const usual = tmpdir()
    const parent = /^[\w./+-]+$/.test(usual) ? usual : '/tmp'
    const path = await mkdtemp(join(parent, 'portcullis-demo-'))
    await mkdir(join(path, 'secrets'), { mode: 0o700 })
    return new Folder(path)
  }

  /** Files that hold a secret are for this user alone, like the folder itself. */
  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files))
      await writeFile(this.file(name), text, { mode: 0o600 })
  }

  file(name: string): string {
    return join(this.path, name)
  }

  /** The process that is to end together with this one, in whatever way. */
  watch(pid: number): void {
    this.#janitor.watchServer(pid)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
    await this.#janitor.dismiss()
  }
}
