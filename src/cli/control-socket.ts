import { readPlaces } from '../config/read-places.ts'
import { WrongUsage } from './wrong-usage.ts'

export interface SocketOptions {
  readonly config?: string
  readonly socket?: string
}

/** Where the service of this machine is asked. Throws where nobody says so. */
export function controlSocketOf({ config: file, socket }: SocketOptions): string {
  if (socket !== undefined) return socket
  if (file === undefined) throw new WrongUsage('--config or --socket is required')
  const { controlSocket } = readPlaces(file)
  if (controlSocket === undefined) throw new Error(`${file} has no control_socket`)
  return controlSocket
}
