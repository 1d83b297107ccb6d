// `npm run test:idp`: real identity providers, which do not come from npm. Words go to vitest.
import { run } from '../../tools/run.ts'
import { hasPsql } from '../support/psql.ts'
import { buildProvider, providerNames } from './build.ts'

const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    interruption.abort()
  })
}

// Without it there is nobody to log in; it says so itself.
const wanted = hasPsql() ? providerNames : []
const outcomes = await Promise.all(
  wanted.map(async (name) => {
    const { build, path } = await buildProvider(name, interruption.signal)
    process.env[`PORTCULLIS_${name.toUpperCase()}`] = path
    const said =
      build.state === 'ready'
        ? `${name} is there after ${build.seconds.toFixed(1)} s`
        : `${build.state === 'skipped' ? 'SKIPPED' : 'FAILED'} ${name}: ${build.why}`
    process.stdout.write(`${said}\n`)
    return build.state
  }),
)
if (outcomes.includes('ready') && !interruption.signal.aborted) {
  const words = process.argv.slice(2)
  const { code } = await run(
    'vitest',
    ['run', '--config', 'test/idp/vitest.config.ts', ...words],
    'inherit',
  )
  process.exitCode = code
}
if (outcomes.includes('failed')) process.exitCode = 1
