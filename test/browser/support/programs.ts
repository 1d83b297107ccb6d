import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

const browsers = ['chromium', 'chromium-browser', 'google-chrome-stable']

/** The browser of this machine; undefined where it has none. */
export async function findBrowser(): Promise<string | undefined> {
  for (const name of browsers) {
    const found = await find(name)
    if (found !== undefined) return found
  }
  return undefined
}

/** What there has to be beside npm, and is not. */
export async function missingPrograms(): Promise<readonly string[]> {
  const [browser, certutil, psql] = await Promise.all([
    findBrowser(),
    find('certutil'),
    find('psql'),
  ])
  return [
    ...(browser === undefined ? ['Chromium (Debian: chromium)'] : []),
    ...(certutil === undefined ? ['certutil (Debian: libnss3-tools)'] : []),
    ...(psql === undefined ? ['psql (Debian: postgresql-client)'] : []),
  ]
}

async function find(name: string): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(folder, name)
    try {
      await access(file, constants.X_OK)
      return file
    } catch {
      // Perhaps in the next one.
    }
  }
  return undefined
}
