// Files that the configuration names are replaced while the gateway runs: as Kubernetes does it, by
// swapping a link.
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAuthority } from '../../demo/certificates.ts'
import { Stack } from '../support/stack.ts'

let stack: Stack
let generation = 0

beforeAll(async () => {
  stack = await Stack.start({
    prepare: async (folder) => {
      await mkdir(join(folder, 'secrets'))
    },
    configure: (config) => {
      config.workers = 2
      const upstream = config.databases['sandbox']!['upstream'] as Record<string, unknown>
      upstream['auth'] = {
        method: 'password',
        passwords: { app_readonly: '${env:PATH}', app_readwrite: 'unused' },
      }
    },
  })
  await swap({ app_readonly: stack.passwords['app_readonly']! })
  const upstream = stack.config.databases['sandbox']!['upstream'] as Record<string, unknown>
  upstream['auth'] = {
    method: 'password',
    passwords: { app_readonly: '${file:secrets/..data/app_readonly}' },
  }
  await stack.gateway.reload(stack.config)
})

afterAll(async () => stack[Symbol.asyncDispose]())

/** A new folder, and then the one link that leads to it. */
async function swap(secrets: Readonly<Record<string, string>>): Promise<void> {
  const folder = join(stack.folder, 'secrets')
  const name = `..generation-${++generation}`
  await mkdir(join(folder, name))
  for (const [file, content] of Object.entries(secrets)) {
    await writeFile(join(folder, name, file), content)
  }
  await symlink(name, join(folder, '..new'))
  await rename(join(folder, '..new'), join(folder, '..data'))
}

async function setPassword(password: string): Promise<void> {
  await stack.postgres.sql(`alter role app_readonly password '${password}'`)
}

async function logsIn(): Promise<void> {
  const { client } = await stack.logIn()
  client.destroy()
}

const reloads = async (outcome: string): Promise<number> =>
  stack.metric('portcullis_config_reloads_total', { outcome })

test('a password that was replaced at both ends is used for the very next login', async () => {
  await logsIn()
  await setPassword('second')
  await swap({ app_readonly: 'second\n' })
  await logsIn()
  await expect.poll(() => stack.gateway.log()).toContain('"secrets replaced"')
})

test('a replaced file is in use before anybody is refused', async () => {
  const before = await reloads('ok')
  await stack.gateway.untilLogged(/"secrets replaced"/, () => void swap({ app_readonly: 'third' }))
  await setPassword('third')
  await logsIn()
  expect(await reloads('ok')).toBe(before + 1)
})

test('a file that is empty for now changes nothing, is told of once and counted', async () => {
  const before = await reloads('failed')
  await stack.gateway.untilLogged(
    /"secrets not replaced, the old ones stay in use"/,
    () => void swap({ app_readonly: '' }),
  )
  await expect
    .poll(() => stack.gateway.log())
    .toContain(
      'databases.sandbox.upstream.auth.passwords.app_readonly: must be a string that is not empty',
    )
  await logsIn()
  await setPassword('fourth')
  await expect(logsIn()).rejects.toThrow('could not connect to the database')
  expect(await reloads('failed')).toBe(before + 1)
})

test('what was written into the configuration meanwhile waits for its reload', async () => {
  await writeFile(stack.gateway.configFile, 'this: is not a configuration')
  await swap({ app_readonly: 'fourth' })
  await logsIn()
})

test('a password that is wrong is refused as before, and no secret is in the log', async () => {
  await setPassword('fifth')
  const before = await reloads('ok')
  await expect(logsIn()).rejects.toThrow('could not connect to the database')
  await expect(logsIn()).rejects.toThrow('could not connect to the database')
  expect(await reloads('ok')).toBe(before)
  await swap({ app_readonly: 'not the fifth' })
  await expect(logsIn()).rejects.toThrow('could not connect to the database')
  for (const secret of ['second', 'third', 'fourth', 'fifth']) {
    expect(stack.gateway.log()).not.toContain(`"${secret}`)
  }
  await swap({ app_readonly: 'fifth' })
  await logsIn()
})

test('the half of an authority is not taken, and a whole one is', async () => {
  const { certificate } = stack.authority
  await stack.gateway.untilLogged(
    /has a certificate without an end/,
    () => void writeFile(stack.caFile, certificate.slice(0, 400)),
  )
  await logsIn()
  const { certificate: another } = await createAuthority('another')
  await stack.gateway.untilLogged(
    /"secrets replaced"/,
    () => void writeFile(stack.caFile, `${another}${certificate}`),
  )
  await logsIn()
})
