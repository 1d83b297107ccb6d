// What an open session keeps in the memory of the process, read off a heap snapshot.
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { WireClient } from '../support/wire-client.ts'

const snapshotOptions = (folder: string): readonly string[] => [
  '--heapsnapshot-signal=SIGUSR2',
  `--diagnostic-dir=${folder}`,
]

test('an open session keeps nothing of its token', async () => {
  await using stack = await Stack.start({
    runtimeOptions: snapshotOptions,
  })
  const marker = 'unmistakable-claim-of-this-session'
  const clients = await Promise.all(
    Array.from({ length: 10 }, async (_, i) => {
      const client = await WireClient.connectSecurely(
        stack.gateway.port,
        stack.authority.certificate,
      )
      const token = await stack.token({ a: `${marker}-${i}` })
      await client.logIn({ user: 'app_readonly', database: 'sandbox' }, token)
      await client.readUntil('Z')
      return { client, token }
    }),
  )
  stack.gateway.process.kill('SIGUSR2')
  const snapshot = await writtenSnapshot(stack.folder)
  // The snapshot is too long to be printed by a failed expectation.
  const holds = (text: string): boolean => snapshot.includes(text)
  expect(holds('app_readonly')).toBe(true)
  for (const { client, token } of clients) {
    const [header, claims] = token.split('.')
    expect(holds(`${header!}.${claims!.slice(0, 40)}`)).toBe(false)
    expect(holds(claims!.slice(0, 40))).toBe(false)
    client.destroy()
  }
  expect(holds(marker)).toBe(false)
})

test('sessions that have ended leave nothing of themselves', async () => {
  await using stack = await Stack.start({ runtimeOptions: snapshotOptions })
  for (let round = 0; round < 5; round++) {
    const sessions = await Promise.all(Array.from({ length: 20 }, async () => stack.logIn()))
    if (round % 2 === 0) await stack.postgres.restart('fast')
    for (const { client } of sessions) client.destroy()
  }
  await until('no connections', async () => {
    const open = await stack.metric('portcullis_connections_open')
    return open === 0 && (await stack.metric('portcullis_sessions_open')) === 0
  })
  const remaining = await stack.logIn()
  stack.gateway.process.kill('SIGUSR2')
  const counts = countObjects(await writtenSnapshot(stack.folder))
  // The one session that is open shows that the names are right.
  expect(counts.get('Splice')).toBe(1)
  expect(counts.get('QueryState')).toBe(1)
  expect(counts.get('TLSSocket')).toBeLessThanOrEqual(2)
  remaining.client.destroy()
})

interface Snapshot {
  readonly snapshot: { readonly meta: { readonly node_fields: string[]; node_types: [string[]] } }
  readonly nodes: readonly number[]
  readonly strings: readonly string[]
}

/** How many objects of each class a heap snapshot holds. */
function countObjects(text: string): ReadonlyMap<string, number> {
  const { snapshot, nodes, strings } = JSON.parse(text) as Snapshot
  const { node_fields: fields, node_types: types } = snapshot.meta
  const object = types[0].indexOf('object')
  const counts = new Map<string, number>()
  for (let at = 0; at < nodes.length; at += fields.length) {
    if (nodes[at + fields.indexOf('type')] !== object) continue
    const name = strings[nodes[at + fields.indexOf('name')] ?? 0] ?? ''
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

async function writtenSnapshot(folder: string): Promise<string> {
  let file: string | undefined
  let lastSize = -1
  await until('the heap snapshot', async () => {
    file = (await readdir(folder)).find((name) => name.endsWith('.heapsnapshot'))
    if (file === undefined) return false
    const { size } = await stat(join(folder, file))
    const text = size > 0 && size === lastSize ? await readFile(join(folder, file), 'utf8') : ''
    lastSize = size
    // The file is complete when it is JSON to its end.
    return text.trimEnd().endsWith('}')
  })
  return readFile(join(folder, file!), 'utf8')
}
