/** What systemd says to a service of `Type=notify`. */
export interface ServiceManagerAddress {
  readonly socket: string
  /** So often it wants to hear of us, where it watches. */
  readonly watchdogMs: number | undefined
}

/**
 * Takes it out of the environment, so that workers and programs that are run do not speak for the service.
 */
export function takeServiceManager(
  environment: NodeJS.ProcessEnv = process.env,
  pid = process.pid,
): ServiceManagerAddress | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: usec, WATCHDOG_PID: watched } = environment
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) {
    Reflect.deleteProperty(environment, name)
  }
  if (socket === undefined || !/^[/@]/.test(socket)) return undefined
  const isWatched = usec !== undefined && /^\d{1,15}$/.test(usec) && Number(usec) >= 1_000
  const isForUs = watched === undefined || watched === String(pid)
  return { socket, watchdogMs: isWatched && isForUs ? Number(usec) / 1_000 : undefined }
}
