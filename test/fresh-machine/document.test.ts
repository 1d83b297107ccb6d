// That docs/clients.md is done word by word takes that nothing in it is left out.
import { expect, test } from 'vitest'
import { blocksOf, fieldsOf, fileOf, nameOf, readGuide } from './document.ts'
import { makeScenes } from './scenes.ts'

const provider = {
  clientCredentialsToken: async () => Promise.resolve('a.b.c'),
  clientSecret: () => 'secret',
}

test('every command of docs/clients.md is done on one of the machines', async () => {
  const commands = blocksOf(await readGuide()).filter(({ language }) => language === 'sh')
  expect(commands.length).toBeGreaterThan(10)
  const left = commands.filter(({ scenario }) => scenario === '')
  expect(left.map(({ line }) => `docs/clients.md:${line} has no scenario`)).toEqual([])
})

test('every machine does all blocks of its name, and no name is another one', async () => {
  const scenes = await makeScenes({ provider }, '', [])
  const blocks = blocksOf(await readGuide()).filter((one) => fileOf(one) === undefined)
  const counted = new Map<string, number>()
  for (const block of blocks) {
    const name = nameOf(block)
    if (name !== '' && name !== 'install') counted.set(name, (counted.get(name) ?? 0) + 1)
  }
  const known = new Map([...scenes].map(([name, { steps }]) => [name, steps.length]))
  expect(Object.fromEntries(counted)).toEqual(Object.fromEntries(known))
})

test('the fields of graphical tools are read in the order of the program', async () => {
  const values = fieldsOf(await readGuide(), 'fields').map(({ cells }) => cells['value'])
  expect(values).toEqual([
    ...['db.example.com', '5432', 'sandbox', 'app_readwrite', '', 'verify-full'],
    'org.postgresql.ssl.DefaultJavaSSLFactory',
  ])
})
