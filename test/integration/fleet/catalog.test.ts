// The catalog of two replicas with one store: changed by either, used by both, and there when all of them are started again.
import { readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Gateway } from '../../../demo/gateway.ts'
import { groupsClaim } from '../../../demo/provider-configuration.ts'
import { Console, consoleGroups } from '../../support/console.ts'
import { Fleet } from '../../support/fleet.ts'
import { until } from '../../support/until.ts'

let fleet: Fleet
const consoles: Console[] = []

beforeAll(async () => {
  fleet = await Fleet.start({
    configure: (config) => {
      config['console'] = consoleGroups
    },
  })
})

afterEach(async () => {
  await Promise.all(consoles.splice(0).map(async (one) => one.close()))
})

afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
})

async function consoleOf(index: number): Promise<Console> {
  const opened = await Console.connect(fleet.stack, fleet.replica(index).gateway)
  consoles.push(opened)
  return opened
}

async function versions(): Promise<readonly number[]> {
  return Promise.all([0, 1].map(async (index) => fleet.metric(index, 'portcullis_catalog_version')))
}

async function isUsed(version: number): Promise<boolean> {
  return (await versions()).every((one) => one === version)
}

/** As what role somebody of a group is let in; or why not. */
async function logIn(index: number, user: string, groups: readonly string[]): Promise<string> {
  const token = await fleet.stack.token({ [groupsClaim]: groups })
  try {
    const { client } = await fleet.logIn(index, user, token)
    client.destroy()
    return 'in'
  } catch (error) {
    return error instanceof Error ? error.message : 'failed'
  }
}

test('a group that is made on one replica lets its members in by the other', async () => {
  const [one, other] = [await consoleOf(0), await consoleOf(1)]
  expect(await one.done('CREATE GROUP auditors role = "app_readwrite"')).toBe('CREATE')
  await until('both use it', async () => isUsed(2))
  expect(JSON.stringify(await other.rows('SHOW GROUPS'))).toContain('"auditors"')
  expect(await other.rows('SHOW HISTORY')).toHaveLength(2)
  // Its file has nothing of it.
  const file = await readFile(join(fleet.replica(0).folder, 'portcullis.yaml'), 'utf8')
  expect(file).not.toContain('auditors')
})

test('changes by both at once are made one after the other, and none is lost', async () => {
  const [one, other] = [await consoleOf(0), await consoleOf(1)]
  const names = Array.from({ length: 6 }, (_, index) => `g${index}`)
  await Promise.all(
    [one, other].map(async (each, at) => {
      for (const [index, name] of names.entries()) {
        if (index % 2 === at) await each.done(`CREATE GROUP ${name} role = "app_readonly"`)
      }
    }),
  )
  await until('both use all of it', async () => isUsed(8))
  for (const each of [one, other]) {
    const shown = JSON.stringify(await each.rows('SHOW GROUPS'))
    for (const name of names) expect(shown).toContain(`"${name}"`)
  }
})

test('what decides on a login is changed for both, and ROLLBACK takes it back for both', async () => {
  const [one, other] = [await consoleOf(0), await consoleOf(1)]
  expect(await logIn(1, 'app_readwrite', ['readwrite-role'])).toBe('in')
  await one.done('ALTER GROUP readwrite SET role = "app_readonly"')
  await until('both use it', async () => isUsed(9))
  expect(await logIn(1, 'app_readwrite', ['readwrite-role'])).not.toBe('in')
  expect(await other.done('ROLLBACK CATALOG TO 8')).toBe('ROLLBACK')
  await until('both use it', async () => isUsed(10))
  expect(await logIn(0, 'app_readwrite', ['readwrite-role'])).toBe('in')
})

test('without the store nothing is changed, and logins go on', async () => {
  const one = await consoleOf(0)
  await fleet.stopStore()
  try {
    await until(
      'it is missed',
      async () => (await fleet.metric(0, 'portcullis_fleet_store_up')) === 0,
    )
    const fault = await one.fault('CREATE GROUP late role = "app_readonly"')
    expect(fault.code).toBe('08006')
    expect(await logIn(0, 'app_readonly', [])).toBe('in')
  } finally {
    await fleet.startStore()
  }
  await until('it is back', async () => (await fleet.metric(0, 'portcullis_fleet_store_up')) === 1)
  await one.done('CREATE GROUP later role = "app_readonly"')
  await until('both use it', async () => isUsed(11))
})

test('a replica starts by its copy without the store, and catches up; without a copy it ends', async () => {
  const { folder, config, gateway } = fleet.replica(1)
  const file = join(folder, 'portcullis.yaml.fleet')
  await until('there is a copy', async () => (await stat(file)).mode % 0o1000 === 0o600)
  expect(await readFile(file, 'utf8')).not.toContain('auditors')
  await gateway.stop()
  await fleet.stopStore()
  Object.assign(config['fleet'] as object, { start_timeout: '300ms' })
  await rename(file, `${file}.aside`)
  await expect(Gateway.start({ folder, config })).rejects.toThrow(/fleet\.store.*no copy/)
  await rename(`${file}.aside`, file)
  fleet.replica(1).gateway = await Gateway.start({ folder, config })
  expect(await fleet.metric(1, 'portcullis_catalog_version')).toBe(11)
  expect(await logIn(1, 'app_readonly', [])).toBe('in')
  await fleet.startStore()
  const one = await consoleOf(0)
  await until(
    'the store is back',
    async () => (await fleet.metric(0, 'portcullis_fleet_store_up')) === 1,
  )
  await one.done('CREATE GROUP last role = "app_readonly"')
  await until('both use it', async () => isUsed(12))
})
