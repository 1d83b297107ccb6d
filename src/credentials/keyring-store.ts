// Tokens in the keyring of the system: Keychain, Credential Manager, Secret Service. Turns are taken by a file all
// the same, since no keyring knows them.
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Account } from './account.ts'
import { maxKeptBytes, parseKept, printKept } from './kept-text.ts'
import type { TokenFolder } from './own-folder.ts'
import { CredentialProblem } from './problem.ts'
import type { Kept, TokenStore, Turn } from './store.ts'
import { inTurn } from './turns.ts'

export interface KeyringOptions {
  readonly folder: TokenFolder
  readonly account: Account
  /** Where nobody can type a password that it asks for, nobody waits for one. */
  readonly isAttended: boolean
  /** The program that speaks to the keyring, and its environment. */
  readonly child?: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly now: () => number
}

type Errand = 'read' | 'write' | 'remove'

const attendedMs = 60_000
const unattendedMs = 5_000
/** Programs ask for every connection, and a look is a process. */
const lookMs = 5_000

const usualChild = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? './keyring-child.ts' : './keyring-child.js',
    import.meta.url,
  ),
)

export class KeyringStore implements TokenStore {
  readonly #options: KeyringOptions
  #seen: { readonly kept: Kept | undefined; readonly at: number } | undefined
  #looking: Promise<Kept | undefined> | undefined

  constructor(options: KeyringOptions) {
    this.#options = options
  }

  async read(): Promise<Kept | undefined> {
    const sinceMs = this.#seen === undefined ? -1 : this.#options.now() - this.#seen.at
    if (this.#seen !== undefined && sinceMs >= 0 && sinceMs < lookMs) return this.#seen.kept
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined))
    return this.#looking
  }

  async write(kept: Kept): Promise<void> {
    await this.#ask('write', printKept(kept))
    this.#see(kept)
  }

  async remove(): Promise<void> {
    await this.#ask('remove')
    this.#see(undefined)
  }

  async exclusively<T>(turn: Turn<T>): Promise<T> {
    const { folder, account } = this.#options
    return inTurn(folder, account.id, {
      ...turn,
      run: async () => {
        // What others have written meanwhile is what it is about.
        this.#seen = undefined
        return turn.run()
      },
    })
  }

  async describe(): Promise<string> {
    return Promise.resolve('the keyring of the system')
  }

  async #look(): Promise<Kept | undefined> {
    const answer = await this.#ask('read')
    const kept = answer.text === undefined ? undefined : parseKept(answer.text)
    this.#see(kept)
    return kept
  }

  #see(kept: Kept | undefined): void {
    this.#seen = { kept, at: this.#options.now() }
  }

  async #ask(errand: Errand, input = ''): Promise<{ readonly text?: string | undefined }> {
    const { account, child = usualChild, environment, isAttended } = this.#options
    const timeoutMs = isAttended ? attendedMs : unattendedMs
    const answer = await askChild([child, errand, account.id], { input, timeoutMs, environment })
    if (answer !== undefined) return answer
    throw keyringProblem(`the keyring of the system did not ${errand} the tokens`)
  }
}

/** Whether it is worth asking: without a bus there is no keyring, and finding out otherwise takes longer. */
export function mayHaveKeyring(
  environment: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform,
): boolean {
  if (platform === 'darwin' || platform === 'win32') return true
  const bus = environment['DBUS_SESSION_BUS_ADDRESS']
  return bus !== undefined && bus !== ''
}

export function keyringProblem(message: string): CredentialProblem {
  return new CredentialProblem('configuration', message, {
    hint: 'Unlock it, or have the profile say `store: file`.',
  })
}

interface ChildOptions {
  readonly input: string
  readonly timeoutMs: number
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Undefined: there is no package for it, no keyring, or it did not answer in time. */
async function askChild(
  args: readonly string[],
  { input, timeoutMs, environment }: ChildOptions,
): Promise<{ readonly text?: string | undefined } | undefined> {
  const child = spawn(process.execPath, args, {
    env: environment,
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    windowsHide: true,
  })
  const ended = new Promise<boolean>((resolve) => {
    child.once('error', () => {
      resolve(false)
    })
    child.once('close', (code) => {
      resolve(code === 0)
    })
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [said, isDone] = await Promise.all([text(child.stdout).catch(() => ''), ended])
  if (!isDone || said.length > 2 * maxKeptBytes) return undefined
  return readAnswer(said)
}

function readAnswer(said: string): { readonly text?: string | undefined } | undefined {
  try {
    const answer: unknown = JSON.parse(said)
    if (typeof answer !== 'object' || answer === null) return undefined
    return 'text' in answer && typeof answer.text === 'string' ? { text: answer.text } : {}
  } catch {
    return undefined
  }
}
