import { ConfigError } from '../config/index.ts'
import { describeFailure } from './failure.ts'

/** The part of the service that the command line drives. */
interface Stoppable {
  start(): Promise<void>
  stop(): Promise<void>
  reload(): Promise<void>
}

/**
 * Runs the service until a signal: SIGTERM and SIGINT drain, a second one ends at once, SIGHUP reloads.
 * Returns the exit code.
 */
export async function serve(create: () => Stoppable): Promise<number> {
  let service: Stoppable
  try {
    service = create()
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return error instanceof ConfigError ? 78 : 1
  }
  const stopped = Promise.withResolvers<number>()
  let isStopping = false
  const stop = (): void => {
    const stopping = service.stop()
    if (isStopping) return
    isStopping = true
    stopping.then(
      () => {
        stopped.resolve(0)
      },
      (error: unknown) => {
        process.stderr.write(describeFailure(error))
        stopped.resolve(1)
      },
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', () => void service.reload())
  try {
    await service.start()
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return 1
  }
  return stopped.promise
}
