// `npm run test:browser`: the pages in a real Chromium. `--pictures` writes docs/pictures/; words go to vitest.
import { run } from '../../tools/run.ts'
import { missingPrograms } from './support/programs.ts'

const picturesFlag = '--pictures'

const args = process.argv.slice(2)
const missing = await missingPrograms()
if (missing.length > 0) {
  process.stdout.write(`SKIPPED: the pages in a browser, which need ${missing.join(' and ')}\n`)
} else {
  if (args.includes(picturesFlag)) process.env['PORTCULLIS_PICTURES'] = 'yes'
  const words = args.filter((word) => word !== picturesFlag)
  const { code } = await run(
    'vitest',
    ['run', '--config', 'test/browser/vitest.config.ts', ...words],
    'inherit',
  )
  process.exitCode = code
}
