import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parse, stringify } from 'yaml'
import { readFileSync } from 'node:fs'
import type { Stack } from './stack.ts'

/**
 * Changes the catalog of a gateway by its control socket, which is to be `control.sock`. `merged` names
 * sections whose entries are added to those that there are.
 */
export async function applyCatalog(
  stack: Pick<Stack, 'folder' | 'gateway'>,
  sections: Readonly<Record<string, object>>,
  ...merged: readonly string[]
): Promise<unknown> {
  const now = parse(readFileSync(stack.gateway.configFile, 'utf8')) as Record<string, object>
  const wanted = Object.entries(sections).map(([name, entries]) => [
    name,
    merged.includes(name) ? { ...now[name], ...entries } : entries,
  ])
  const body = { text: stringify(Object.fromEntries(wanted)), author: 'tester' }
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        socketPath: join(stack.folder, 'control.sock'),
        path: '/catalog/apply',
        method: 'POST',
        headers: { host: 'portcullis' },
        timeout: 30_000,
      },
      (response) => {
        text(response).then((content) => {
          resolve(JSON.parse(content))
        }, reject)
      },
    )
    asked.once('error', reject)
    asked.once('timeout', () => asked.destroy(new Error('no answer in time')))
    asked.end(JSON.stringify(body))
  })
}
