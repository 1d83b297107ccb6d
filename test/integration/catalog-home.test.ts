// The catalog changed while the gateway runs: on every worker or on none, in its file, and told of.
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { applyCatalog } from '../support/apply-catalog.ts'
import { hasPsql, psql } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      config.workers = 2
      config['control_socket'] = 'control.sock'
      config['console'] = { admin_groups: ['readonly'] }
    },
  })
  await stack.keysFetched()
})

afterAll(async () => stack[Symbol.asyncDispose]())

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function portcullis(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

const file = (): string => stack.gateway.configFile
const versionInUse = async (): Promise<number> => stack.metric('portcullis_catalog_version')

/** The catalog versions of new sessions, enough of them to meet both workers. */
async function versionsOfLogins(): Promise<ReadonlySet<unknown>> {
  const logins = await Promise.all(Array.from({ length: 12 }, async () => stack.logIn()))
  const ids = new Set<string>()
  for (const { client } of logins) client.destroy()
  await until('the records', async () => {
    for (const { status, metadata } of await stack.audit()) {
      if (status === 'Success') ids.add(metadata.correlation_uid)
    }
    return ids.size >= 12
  })
  const records = (await stack.audit()).filter(({ activity_id: id }) => id === 1).slice(-12)
  return new Set(records.map(({ unmapped }) => unmapped.portcullis['catalog_version']))
}

test('a change is that of the next login on every worker, and each says which version let it in', async () => {
  const before = await versionInUse()
  const applied = await applyCatalog(stack, { groups: { other: { role: 'other' } } }, 'groups')
  expect(applied).toMatchObject({ kind: 'done', result: { version: before + 1, isChanged: true } })
  expect(await versionsOfLogins()).toEqual(new Set([before + 1]))
  expect(await versionInUse()).toBe(before + 1)
  expect(
    await stack.metric('portcullis_catalog_changes_total', { by: 'apply', outcome: 'ok' }),
  ).toBe(1)
})

test('where one worker takes a change and another cannot, all stay as they were', async () => {
  const before = await versionInUse()
  const written = await readFile(file(), 'utf8')
  const pool = stack.config.connectivity_pools['sso_pool']!
  // Of several workers one alone opens Unix sockets.
  const socket = { node: 'gw0', socket_directory: 'not-there', listen_port: 6432 }
  const participants = [...(pool['participants'] as object[]), socket]
  const wanted = { sso_pool: { ...pool, session_expiry: 'hard', participants } }
  const applied = await applyCatalog(stack, { connectivity_pools: wanted })
  expect(applied).toMatchObject({ kind: 'fault' })
  expect(await readFile(file(), 'utf8')).toBe(written)
  expect(await versionsOfLogins()).toEqual(new Set([before]))
  const config = { ...stack.config, connectivity_pools: wanted }
  await writeFile(file(), stringify(config))
  await stack.gateway.untilLogged(/"configuration not reloaded/, () =>
    stack.gateway.process.kill('SIGHUP'),
  )
  expect(await versionsOfLogins()).toEqual(new Set([before]))
  await writeFile(file(), written)
})

test('a change that no worker can take over is not written', async () => {
  const before = await versionInUse()
  const written = await readFile(file(), 'utf8')
  const pool = stack.config.connectivity_pools['sso_pool']!
  const participants = [
    ...(pool['participants'] as object[]),
    { node: 'gw0', listen_address: '192.0.2.1', listen_port: 6432 },
  ]
  const applied = await applyCatalog(stack, {
    connectivity_pools: { sso_pool: { ...pool, require_sso: false, participants } },
  })
  expect(applied).toMatchObject({
    kind: 'fault',
    fault: { message: expect.stringContaining('EADDRNOTAVAIL') as string },
  })
  expect(await readFile(file(), 'utf8')).toBe(written)
  expect(await versionsOfLogins()).toEqual(new Set([before]))
})

test('diff, apply and export: what is shown is what is done, and secrets are not shown', async () => {
  const exported = await portcullis('export', '--config', file())
  expect(exported).toMatchObject({ code: 0, stderr: '' })
  expect(exported.stdout).not.toContain(stack.passwords['app_readonly'])
  expect(exported.stdout).toContain('app_readonly: "********"')
  expect(exported.stdout).not.toContain('node: gw0\nworkers')
  const catalog = join(stack.folder, 'catalog.yaml')
  await writeFile(catalog, exported.stdout)
  expect(await portcullis('diff', '--config', file(), '-f', catalog)).toMatchObject({ code: 0 })

  const tree = parse(exported.stdout) as { groups: Record<string, unknown> }
  tree.groups = { ...tree.groups, third: { role: 'third' } }
  delete tree.groups['other']
  await writeFile(catalog, stringify(tree))
  const diff = await portcullis('diff', '--config', file(), '-f', catalog)
  expect(diff.stdout).toMatch(/^- groups\.other: \{"role":"other"\}$/m)
  expect(diff.stdout).toMatch(/^\+ groups\.third: \{"role":"third"\}$/m)
  expect(diff.code).toBe(1)
  const stale = ['apply', '--config', file(), '-f', catalog, '--yes', '--expect-version', '1']
  expect(await portcullis(...stale)).toMatchObject({ code: 2 })
  const applied = await portcullis('apply', '--config', file(), '-f', catalog, '--yes')
  expect(applied).toMatchObject({ code: 0 })
  expect(applied.stdout).toMatch(/version \d+ is in use/)
  const { client } = await stack.logIn()
  client.destroy()
  expect(await readFile(file(), 'utf8')).toContain(stack.passwords['app_readonly'])
})

test('a change is audited with who, what, before and after, and no secret', async () => {
  const { databases } = stack.config
  const { sandbox } = databases as { sandbox: { upstream: { auth: { passwords: object } } } }
  const passwords = { ...sandbox.upstream.auth.passwords, app_readwrite: 'not-to-be-seen' }
  const upstream = { ...sandbox.upstream, auth: { method: 'password', passwords } }
  const all = { ...databases, sandbox: { ...sandbox, upstream } }
  expect(await applyCatalog(stack, { databases: all })).toMatchObject({ kind: 'done' })
  const records = await stack.audit()
  const record = records.findLast((one) => 'entity' in one)
  expect(record).toMatchObject({
    class_uid: 3004,
    status: 'Success',
    actor: { user: { name: 'tester' } },
    entity_result: {
      data: { 'databases.sandbox.upstream.auth.passwords.app_readwrite': '********' },
    },
    unmapped: { portcullis: { by: 'apply', catalog_version: await versionInUse() } },
  })
  expect(JSON.stringify(records)).not.toContain('not-to-be-seen')
  expect(stack.gateway.log()).not.toContain('not-to-be-seen')
})

test('a file that is broken by hand is told of, and what was in use stays', async () => {
  const written = await readFile(file(), 'utf8')
  const before = await versionInUse()
  await stack.gateway.untilLogged(
    /"the file of the configuration is broken/,
    () => void writeFile(file(), `${written}wrokers: 2\n`),
  )
  expect(await stack.metric('portcullis_catalog_file_problem')).toBe(1)
  const refused = await applyCatalog(stack, { groups: {} })
  expect(refused).toMatchObject({ kind: 'fault', fault: { sqlstate: '55000' } })
  expect(await versionsOfLogins()).toEqual(new Set([before]))
  await stack.gateway.untilLogged(
    /"the file of the configuration is what is in use"/,
    () => void writeFile(file(), written),
  )
  expect(await stack.metric('portcullis_catalog_file_problem')).toBe(0)
})

test('a change by hand waits for its reload, and is a version then', async () => {
  const before = await versionInUse()
  await stack.gateway.untilLogged(/has changed, and is not in use yet/, () => {
    void readFile(file(), 'utf8').then(async (text) => writeFile(file(), `${text}# by hand\n`))
  })
  expect(await versionInUse()).toBe(before)
  expect(await stack.metric('portcullis_catalog_file_differs')).toBe(1)
  await stack.gateway.untilLogged(/"configuration reloaded"/, () =>
    stack.gateway.process.kill('SIGHUP'),
  )
  expect(await versionInUse()).toBe(before + 1)
  expect(await stack.metric('portcullis_catalog_file_differs')).toBe(0)
})

test.skipIf(!hasPsql())('the console shows the versions and goes back to one', async () => {
  const environment = {
    ...stack.environment(await stack.token()),
    PGDATABASE: 'system',
    PGUSER: 'alice',
  }
  const shown = await psql(environment, 'SHOW HISTORY')
  const [latest, previous] = shown.stdout.split('\n')
  expect(latest).toMatch(/^\d+\|.*\|file\|file\|the file was changed by hand\|t$/)
  const [version] = previous!.split('|')
  const back = await psql(environment, `ROLLBACK CATALOG TO ${version}`, 'SHOW CATALOG')
  expect(back.stderr).toMatch(/NOTICE: .*version \d+ of the catalog is in use/)
  expect(back.stdout).toMatch(/\|alice\|rollback\|ROLLBACK CATALOG TO \d+\|/)
  expect(await readFile(file(), 'utf8')).not.toContain('# by hand')
})
