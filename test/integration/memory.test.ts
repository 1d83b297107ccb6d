// What an open session keeps in the memory of the process, read off a heap snapshot.
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { WireClient } from '../support/wire-client.ts'

test('an open session keeps nothing of its token', async () => {
  await using stack = await Stack.start({
    runtimeOptions: (folder) => ['--heapsnapshot-signal=SIGUSR2', `--diagnostic-dir=${folder}`],
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
