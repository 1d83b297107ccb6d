// `npm run test:deploy`: what deploy/ has, with the tools that use it. Words go to vitest.
import { run } from '../../tools/run.ts'

const { code } = await run(
  'vitest',
  ['run', '--config', 'test/deploy/vitest.config.ts', ...process.argv.slice(2)],
  'inherit',
)
process.exitCode = code
