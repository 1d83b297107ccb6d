import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'

const dismissDeadlineMs = 15_000

// Reads the server's pid, or an empty line while there is none. When the pipe ends without `done`,
// this process is gone, in whatever way. It waits for PostgreSQL's lock file and not for the process,
// which stays as a zombie in containers whose first process reaps nobody.
const script = `
pid=
while read -r line; do
  [ "$line" = done ] && exit 0
  pid=$line
done
if [ -n "$pid" ] && kill -"$2" "$pid" 2>/dev/null; then
  tries=0
  while [ -e "$1/data/postmaster.pid" ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
fi
rm -rf -- "$1"
`

/**
 * A shell that outlives this process by a moment, to end a server and remove its folder. An exit
 * handler would not do: there is none on SIGKILL, nor on a signal that nobody handles.
 */
export class Janitor {
  readonly #shell: ChildProcess
  readonly #exited: Promise<unknown>

  constructor(folder: string, signal: 'QUIT' | 'TERM') {
    this.#shell = spawn('/bin/sh', ['-c', script, 'janitor', folder, signal], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    this.#exited = new Promise((resolve) => {
      this.#shell.once('exit', resolve)
      this.#shell.once('error', resolve)
    })
    this.#shell.stdin?.on('error', () => {})
  }

  watchServer(pid: number): void {
    this.#shell.stdin?.write(`${pid}\n`)
  }

  forgetServer(): void {
    this.#shell.stdin?.write('\n')
  }

  async dismiss(): Promise<void> {
    this.#shell.stdin?.end('done\n')
    await Promise.race([this.#exited, delay(dismissDeadlineMs, undefined, { ref: false })])
  }
}
