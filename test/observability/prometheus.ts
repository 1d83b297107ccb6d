import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../demo/ports.ts'
import { until } from '../support/until.ts'

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [time: number, value: string]
}

export interface RuleState {
  readonly name: string
  readonly health: string
  readonly lastError?: string
}

export function hasPrometheus(): boolean {
  return spawnSync('prometheus', ['--version']).status === 0
}

/** A Prometheus of its own, which scrapes one target twice a second. */
export class Prometheus {
  readonly #folder: string
  readonly #address: string
  readonly #process: ChildProcess
  #log = ''

  private constructor(folder: string, address: string) {
    this.#folder = folder
    this.#address = address
    this.#process = spawn(
      'prometheus',
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${address}`,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#log += text))
  }

  static async start(target: string, rules: string): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'portcullis-prometheus-'))
    await writeFile(
      join(folder, 'prometheus.yml'),
      `global: { scrape_interval: 500ms, evaluation_interval: 500ms }
rule_files: ['${rules}']
scrape_configs:
  - job_name: portcullis
    static_configs: [{ targets: ['${target}'] }]
`,
    )
    const started = new Prometheus(folder, `127.0.0.1:${await freePort()}`)
    try {
      await until('Prometheus scrapes', async () => started.#hasScraped())
    } catch (error) {
      await started[Symbol.asyncDispose]()
      throw new Error(`Prometheus does not scrape:\n${started.#log}`, { cause: error })
    }
    return started
  }

  async query(expression: string): Promise<readonly Sample[]> {
    const { result } = (await this.#get('query', { query: expression })) as { result: Sample[] }
    return result
  }

  async rules(): Promise<readonly RuleState[]> {
    const { groups } = (await this.#get('rules')) as { groups: { rules: RuleState[] }[] }
    return groups.flatMap((group) => group.rules)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'exit')
    if (this.#process.exitCode === null && this.#process.kill('SIGTERM')) await ended
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #hasScraped(): Promise<boolean> {
    if (this.#process.exitCode !== null) throw new Error('it has ended')
    try {
      return (await this.query('portcullis_ready')).length > 0
    } catch {
      return false
    }
  }

  async #get(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const url = `http://${this.#address}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) })
    const { status, data, error } = (await response.json()) as Record<string, unknown>
    if (status !== 'success') throw new Error(`${path}: ${String(error)}`)
    return data
  }
}
