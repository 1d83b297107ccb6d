import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { runProgram } from './program.ts'

const folder = tmpdir()

/** A process that ended stays as a zombie in containers whose first process reaps nobody. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout.trim() !== '' && !stdout.startsWith('Z')
}

test('a program that ends well has no failure', async () => {
  const outcome = await runProgram(['sh', '-c', 'echo said; echo complained >&2'], {
    folder,
    seconds: 10,
  })
  expect(outcome).toMatchObject({
    failure: undefined,
    stdout: 'said\n',
    stderr: 'complained\n',
  })
})

test('a program that fails says how it ended', async () => {
  const outcome = await runProgram(['sh', '-c', 'exit 3'], { folder, seconds: 10 })
  expect(outcome.failure).toBe('ended with 3')
})

test('a program that is not there is a failure and no exception', async () => {
  const outcome = await runProgram(['no-such-program'], { folder, seconds: 10 })
  expect(outcome.failure).toContain('ENOENT')
})

test('a program that takes too long is ended with all that it started', async () => {
  const outcome = await runProgram(['sh', '-c', 'sleep 60 & echo $!; wait'], {
    folder,
    seconds: 0.5,
  })
  expect(outcome.failure).toBe('not done within 0.5 s')
  await until('its child to be gone', () => !isAlive(Number(outcome.stdout)))
})

test('an interruption ends a program', async () => {
  const interruption = new AbortController()
  const running = runProgram(['sleep', '60'], { folder, seconds: 60, signal: interruption.signal })
  interruption.abort()
  expect((await running).failure).toBe('interrupted')
})
