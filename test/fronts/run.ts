// `npm run test:fronts`: load balancers from the configuration that is shipped, in front of two replicas.
// Words go to vitest.
import { run } from '../../tools/run.ts'
import { fronts } from './fronts.ts'

const missing = fronts.filter(({ whyNot }) => whyNot !== undefined)
for (const { name, whyNot = '' } of missing)
  process.stdout.write(`SKIPPED: ${name} in front of replicas, which needs ${whyNot}\n`)
if (missing.length < fronts.length) {
  const args = ['run', '--config', 'test/fronts/vitest.config.ts', ...process.argv.slice(2)]
  const { code } = await run('vitest', args, 'inherit')
  process.exitCode = code
}
