// What deploy/ has for the agent, as far as that can be tried without a cluster.
import { spawnSync } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommanderError } from 'commander'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { parseProfile } from '../../../src/credentials/parse-profile.ts'
import { createProgram } from '../../../src/program.ts'

const deploy = join(import.meta.dirname, '../../../deploy')

interface Container {
  readonly name: string
  readonly args?: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value: string }[]
  readonly restartPolicy?: string
  readonly startupProbe?: { readonly exec: { readonly command: readonly string[] } }
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
}

interface PodSpec {
  readonly initContainers: readonly [Container]
  readonly containers: readonly [Container]
  readonly volumes: readonly { readonly name: string; readonly projected?: unknown }[]
}

async function sidecar(): Promise<{ profile: string; pod: PodSpec }> {
  const documents = parseAllDocuments(await readFile(join(deploy, 'agent-sidecar.yaml'), 'utf8'))
  const [config, deployment] = documents.map((document) => document.toJS() as unknown)
  return {
    profile: (config as { data: Record<string, string> }).data['db.yaml']!,
    pod: (deployment as { spec: { template: { spec: PodSpec } } }).spec.template.spec,
  }
}

test('the sidecar has a profile that is one, of a token that is mounted there', async () => {
  const { profile, pod } = await sidecar()
  const { signIn, store } = parseProfile(profile, { path: 'db.yaml', home: '/' })
  expect({ signIn, store }).toEqual({
    signIn: {
      flow: 'workload',
      identity: { kind: 'file', path: '/var/run/secrets/tokens/portcullis' },
    },
    store: 'none',
  })
  const [agent] = pod.initContainers
  expect(agent.volumeMounts).toContainEqual(
    expect.objectContaining({ name: 'token', mountPath: '/var/run/secrets/tokens' }),
  )
  expect(pod.volumes.find(({ name }) => name === 'token')?.projected).toMatchObject({
    sources: [{ serviceAccountToken: { path: 'portcullis' } }],
  })
})

test('the sidecar stays beside the application, which connects where it listens', async () => {
  const { pod } = await sidecar()
  const [[agent], [application]] = [pod.initContainers, pod.containers]
  expect(agent.restartPolicy).toBe('Always')
  const folder = agent.args?.at(-1)
  expect(application.env).toContainEqual({ name: 'PGHOST', value: folder })
  expect(agent.startupProbe?.exec.command.at(-1)).toBe(`${String(folder)}/.s.PGSQL.5432`)
  const mounts = [agent, application].map(({ volumeMounts }) =>
    volumeMounts.find(({ name }) => name === 'socket'),
  )
  expect(mounts[0]?.mountPath).toBe(mounts[1]?.mountPath)
})

test('the command line knows the options of the sidecar', async () => {
  const { pod } = await sidecar()
  const program = createProgram('0', (error: CommanderError) => {
    throw error
  })
  const seen: unknown[] = []
  const command = program.commands.find((one) => one.name() === 'agent')!
  command.action((options: unknown) => {
    seen.push(options)
  })
  await program.parseAsync([...(pod.initContainers[0].args ?? [])], { from: 'user' })
  expect(seen).toEqual([
    expect.objectContaining({ profile: 'db', socket: '/run/portcullis/agent' }),
  ])
})

const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0
if (!hasAnalyze) process.stderr.write('SKIPPED: systemd-analyze is not installed\n')

test.skipIf(!hasAnalyze)('systemd has nothing to say against the units', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-units-'))
  try {
    const text = await readFile(join(deploy, 'portcullis-agent.service'), 'utf8')
    // Here it is not installed.
    const unit = join(folder, 'portcullis-agent.service')
    await writeFile(unit, text.replace('/usr/bin/portcullis', process.execPath))
    const socket = join(folder, 'portcullis-agent.socket')
    await copyFile(join(deploy, 'portcullis-agent.socket'), socket)
    const { stdout, stderr } = spawnSync(
      'systemd-analyze',
      ['verify', '--user', '--man=no', unit, socket],
      {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], XDG_RUNTIME_DIR: folder, HOME: folder },
      },
    )
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
