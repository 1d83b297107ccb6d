// `npm run test:fleet`: three replicas behind Debian's HAProxy under load, and a restart of all of them, one after the
// other. Words go to vitest.
import { findProgram } from '../../bench/run-program.ts'
import { run } from '../../tools/run.ts'

const needed = { haproxy: 'haproxy', pgbench: 'postgresql-contrib' }
const missing = Object.entries(needed).filter(([program]) => findProgram(program) === undefined)
if (missing.length > 0) {
  const names = missing.map(([program, debian]) => `${program} (Debian: ${debian})`)
  process.stdout.write(`SKIPPED: replicas behind HAProxy, which need ${names.join(' and ')}\n`)
} else {
  const args = ['run', '--config', 'test/fleet/vitest.config.ts', ...process.argv.slice(2)]
  const { code } = await run('vitest', args, 'inherit')
  process.exitCode = code
}
