// Changes the catalog of a file over and over, and tells of each change that is done: to be killed.
import { openCatalogFile } from '../../src/catalog/open-catalog-file.ts'
import { composeAudit } from '../../src/compose-audit.ts'
import { type LoadedConfig, loadConfig } from '../../src/config/index.ts'

const [file = '', begin = '0', once] = process.argv.slice(2)
const read = (text: string): LoadedConfig => loadConfig(file, {}, undefined, text)
const home = await openCatalogFile(file, loadConfig(file, {}), read, composeAudit)
for (let rank = Number(begin) + 1; ; rank++) {
  await home.change({ name: 'test', by: 'apply' }, 'once more', () => [
    { kind: 'set', path: ['groups', 'readonly', 'rank'], value: rank },
  ])
  process.stdout.write(`${rank}\n`)
  if (once !== undefined) break
}
home.close()
