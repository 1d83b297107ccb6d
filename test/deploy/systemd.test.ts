// The unit by systemd's own tools, and what systemd-notify really sends for us.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { ServiceManager } from '../../src/service-manager.ts'
import { runProgram } from '../drivers/program.ts'
import { until } from '../support/until.ts'
import { hasProgram } from './support/tools.ts'

const unit = fileURLToPath(new URL('../../deploy/portcullis.service', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'portcullis-systemd-'))
const hasAnalyze = await hasProgram('systemd-analyze', '--version')
const hasNotify =
  (await hasProgram('systemd-notify', '--version')) && (await hasProgram('python3', '--version'))

/** Of what systemd-analyze calls exposure, from 0 to 10. */
const mostExposure = 1.5

/** Plays systemd: prints each datagram, and lets the barrier go that systemd-notify waits at. */
const listener = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True:
    text, fds, _, _ = socket.recv_fds(s, 4096, 4)
    for fd in fds: os.close(fd)
    print(text.decode().replace('\\n', '|'), flush=True)
`

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe.skipIf(!hasAnalyze)('portcullis.service', () => {
  test('has nothing that systemd-analyze verify finds', async () => {
    // What it starts is not installed here.
    const text = (await readFile(unit, 'utf8')).replaceAll('/usr/bin/portcullis', '/bin/true')
    const file = join(folder, 'portcullis.service')
    await writeFile(file, text)
    const command = ['systemd-analyze', 'verify', '--man=no', file]
    const { failure, stderr } = await runProgram(command, { folder, seconds: 60 })
    expect({ failure, ours: stderr.includes('portcullis') }).toEqual({
      failure: undefined,
      ours: false,
    })
  })

  test('is exposed as little as a gate can be', async () => {
    const command = ['systemd-analyze', 'security', '--offline=true', '--no-pager', unit]
    const { stdout } = await runProgram(command, { folder, seconds: 60 })
    const [, score] = /exposure level for portcullis\.service: ([0-9.]+)/.exec(stdout) ?? []
    expect(Number(score)).toBeLessThanOrEqual(mostExposure)
  })
})

describe.skipIf(!hasNotify)('systemd-notify', () => {
  test('sends what we say, in the order in which we say it', async () => {
    const socket = join(folder, 'notify.sock')
    const child = spawn('python3', ['-c', listener, socket], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    try {
      await until('the listener', () => said.includes('listening'))
      const errors: unknown[] = []
      const manager = new ServiceManager({
        address: { socket, watchdogMs: undefined },
        onError: (error) => errors.push(error),
      })
      manager.ready('Ready, 2 workers')
      manager.reloading()
      manager.ready('Ready, 2 workers')
      manager.stopping('Draining', 60_000)
      await until('all of it', () => said.includes('STOPPING=1'))
      const lines = said.split('\n').filter((line) => /READY|RELOADING|STOPPING/.test(line))
      expect(lines).toEqual([
        'READY=1|STATUS=Ready, 2 workers',
        expect.stringMatching(/^RELOADING=1\|MONOTONIC_USEC=\d+\|STATUS=/),
        'READY=1|STATUS=Ready, 2 workers',
        'STOPPING=1|EXTEND_TIMEOUT_USEC=60000000|STATUS=Draining',
      ])
      expect(errors).toEqual([])
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  })
})
