// RELOAD and SHUTDOWN.
import { type Answer, ConsoleError } from '../answer.ts'
import type { PoolerStatement } from '../grammar/statement.ts'
import { problem } from './faults.ts'
import type { Lifecycle } from './services.ts'

/** More would be no help. */
const mostTold = 50

export async function reload(lifecycle: Lifecycle): Promise<Answer> {
  const { problems, warnings } = await lifecycle.reload()
  if (problems.length > 0) {
    const left = problems.length - mostTold
    const told = problems.slice(0, mostTold)
    throw new ConsoleError({
      sqlstate: 'F0000',
      message: 'the configuration was not reloaded',
      detail: [...told, ...(left > 0 ? [`and ${left} more`] : [])].join('\n'),
      hint: 'The old one stays in use.',
    })
  }
  const notices = warnings
    .slice(0, mostTold)
    .map((message) => ({ severity: 'WARNING', message }) as const)
  return { tag: 'RELOAD', notices }
}

type Shutdown = Extract<PoolerStatement, { readonly kind: 'shutdown' }>['waits']

export function shutDown(waits: Shutdown, lifecycle: Lifecycle): Answer {
  if (lifecycle.shutDown(waits === 'no' ? 'now' : waits) === 'under way') {
    throw problem('already shutting down', { hint: 'SHUTDOWN does not wait any longer.' })
  }
  return { tag: 'SHUTDOWN' }
}
