// `npm run sbom`: what the package needs when it runs, as CycloneDX on standard output; with a folder as an argument, of
// what is installed there. The same packages make the same bytes: there is no serial number, and the time is
// SOURCE_DATE_EPOCH.
import { execFileSync } from 'node:child_process'

const [folder = '.'] = process.argv.slice(2)
const args = ['sbom', '--omit=dev', '--omit=optional', '--package-lock-only']
const options = [...args, '--sbom-format=cyclonedx', '--sbom-type=application']
const text = execFileSync('npm', options, {
  cwd: folder,
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
})
const { metadata, ...rest } = JSON.parse(text) as Record<string, object>
Reflect.deleteProperty(rest, 'serialNumber')
const epoch = Number(process.env['SOURCE_DATE_EPOCH'] ?? 0)
const timestamp = new Date(epoch * 1_000).toISOString()
const sbom = { ...rest, metadata: { ...metadata, timestamp } }
process.stdout.write(`${JSON.stringify(sbom, undefined, 2)}\n`)
