import { ConfigError } from '../config/index.ts'
import { describeFailure } from './failure.ts'

/** The part of the service that the command line drives. */
interface Stoppable {
  start(): Promise<void>
  stop(): Promise<void>
  reload(): Promise<unknown>
  /** Settles when it has stopped, by a signal or of itself. */
  readonly stopped: Promise<unknown>
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
  const { stopped } = service
  // What came of it is read off `stopped`.
  stopped.catch(() => {})
  const stop = (): void => {
    service.stop().catch(() => {})
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', () => void service.reload())
  try {
    await service.start()
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return exitCodeOf(error)
  }
  try {
    await stopped
    return 0
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return 1
  }
}

/** What stops a start may say how that is told to whoever runs the program. */
function exitCodeOf(error: unknown): number {
  return error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number'
    ? error.exitCode
    : 1
}
