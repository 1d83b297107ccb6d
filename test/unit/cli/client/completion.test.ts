// What the real bash completes.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { bashCompletion } from '../../../../src/cli/client/completion/bash.ts'
import { describeCommands } from '../../../../src/cli/client/completion/described-command.ts'
import { fishCompletion } from '../../../../src/cli/client/completion/fish.ts'
import { zshCompletion } from '../../../../src/cli/client/completion/zsh.ts'
import { createProgram } from '../../../../src/program.ts'

const run = promisify(execFile)
const commands = describeCommands(
  createProgram('1', (error) => {
    throw error
  }),
)
let script: string

beforeAll(() => {
  script = bashCompletion(commands)
})

/** The last word is the one that is being written. */
async function complete(...words: readonly string[]): Promise<readonly string[]> {
  const all = ['portcullis', ...words]
  const { stdout } = await run('bash', [
    ...['--noprofile', '--norc', '-c'],
    `portcullis() { printf 'staging\\nwork (default)\\n'; }
${script}
COMP_WORDS=("$@") COMP_CWORD=$(( $# - 1 ))
_portcullis
printf '%s\\n' "\${COMPREPLY[@]}"`,
    ...['bash', ...all],
  ])
  // As readline shows them.
  return [...new Set(stdout.trim().split('\n'))]
}

test.each([
  ['commands', ['to'], ['token']],
  ['commands below commands', ['profiles', ''], ['list', 'show', 'use', 'remove']],
  ['options', ['token', '--se'], ['--session']],
  ['values', ['token', '--format', 'e'], ['env', 'exec']],
  ['values behind =', ['token', '--format', '=', 'r'], ['raw']],
  ['shells', ['completion', 'z'], ['zsh']],
  ['names of profiles', ['psql', '-p', ''], ['staging', 'work']],
  ['names of profiles as arguments', ['profiles', 'use', 's'], ['staging']],
  ["nothing where a value is somebody's own", ['login', '--host', 'x'], ['']],
  ['options behind an option with a value', ['token', '--profile', 'exec', '--fr'], ['--fresh']],
  ['commands of the machine behind exec', ['exec', '--', 'printen'], ['printenv']],
  ['commands of the machine behind exec alone', ['exec', 'printen'], ['printenv']],
])('bash completes %s', async (_, words, expected) => {
  expect(await complete(...words)).toEqual(expected)
})

test.each([
  ['zsh', zshCompletion],
  ['fish', fishCompletion],
] as const)('%s has every command and every option', (_, write) => {
  const text = write(commands)
  const words = commands.flatMap(({ path, options }) => [
    path,
    ...options.flatMap(({ flags }) => flags.map((flag) => flag.replace(/^-+/, ''))),
  ])
  for (const word of words) expect(text).toContain(word)
})

test.each([
  ['zsh', zshCompletion],
  ['fish', fishCompletion],
] as const)('%s takes its script, where it is installed', async (shell, write) => {
  const isThere = await run(shell, ['--version']).then(
    () => true,
    () => false,
  )
  if (!isThere) {
    process.stderr.write(`SKIPPED: ${shell} is not installed, its completion is not read\n`)
    return
  }
  await run(shell, ['-n', '-c', write(commands)])
})
