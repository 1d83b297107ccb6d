// Where the agent listens: a Unix socket of the user, a port of the loopback interface, or what systemd opened.
import { basename, join } from 'node:path'
import { CredentialProblem } from '../credentials/problem.ts'

export type Place =
  | {
      readonly kind: 'socket'
      readonly path: string
      readonly mode: number
      readonly ownFolder: boolean
    }
  | { readonly kind: 'loopback'; readonly addresses: readonly string[]; readonly port: number }
  /** A socket that listens already. */
  | { readonly kind: 'inherited'; readonly descriptor: number }

export interface PlaceOptions {
  readonly socket?: string | undefined
  readonly socketMode?: string | undefined
  readonly listen?: readonly string[] | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

export const defaultPort = 5432
/** sd_listen_fds(3): the first descriptor behind the three that everybody has. */
const firstInherited = 3
const defaultMode = 0o600

/** Throws a CredentialProblem of kind `usage`. */
export function choosePlaces(
  options: PlaceOptions,
  environment: Environment,
  { processId, userId }: { readonly processId: number; readonly userId: number | undefined },
): readonly Place[] {
  const inherited = inheritedPlaces(environment, processId)
  if (inherited.length > 0) return inherited
  const loopback = (options.listen ?? []).map(readLoopback)
  const isSocketWanted = options.socket !== undefined || loopback.length === 0
  if (!isSocketWanted) return loopback
  const mode = readMode(options.socketMode)
  const folder = join(runtimeFolder(environment, userId), 'portcullis')
  const given = options.socket
  if (given === undefined)
    return [{ kind: 'socket', path: inFolder(folder), mode, ownFolder: true }, ...loopback]
  const isFile = /^\.s\.PGSQL\.\d+$|\.sock(?:et)?$/.test(basename(given))
  return [
    { kind: 'socket', path: isFile ? given : inFolder(given), mode, ownFolder: false },
    ...loopback,
  ]
}

function inFolder(folder: string): string {
  return join(folder, `.s.PGSQL.${defaultPort}`)
}

function inheritedPlaces(environment: Environment, processId: number): readonly Place[] {
  if (environment['LISTEN_PID'] !== String(processId)) return []
  const count = Number(environment['LISTEN_FDS'] ?? '0')
  if (!Number.isInteger(count) || count < 0 || count > 16)
    throw usage('LISTEN_FDS is no number', '')
  return Array.from({ length: count }, (_, index) => ({
    kind: 'inherited',
    descriptor: firstInherited + index,
  }))
}

function runtimeFolder(environment: Environment, userId: number | undefined): string {
  const folder = environment['XDG_RUNTIME_DIR']
  if (folder?.startsWith('/') === true) return folder
  const home = environment['HOME']
  if (home === undefined || userId === undefined) {
    throw usage('there is no XDG_RUNTIME_DIR', 'Name a folder by --socket, or a port by --listen.')
  }
  return join(home, '.cache')
}

const loopbackNames: Readonly<Record<string, readonly string[]>> = {
  // Whoever connects to the name may try either; the other one must not be somebody else's.
  localhost: ['127.0.0.1', '::1'],
  '127.0.0.1': ['127.0.0.1'],
  '[::1]': ['::1'],
  '::1': ['::1'],
}

function readLoopback(text: string): Place {
  const [, host = '', digits = ''] = /^(.*?):(\d{1,5})$/s.exec(text) ?? []
  const addresses = Object.hasOwn(loopbackNames, host) ? loopbackNames[host] : undefined
  const port = Number(digits)
  if (addresses === undefined || port > 65_535) {
    throw usage(
      `--listen ${text}: the agent listens on the loopback interface and nowhere else`,
      'Write 127.0.0.1:5432, [::1]:5432 or localhost:5432.',
    )
  }
  return { kind: 'loopback', addresses, port }
}

function readMode(text: string | undefined): number {
  if (text === undefined) return defaultMode
  if (!/^0?[0-7]{3}$/.test(text)) {
    throw usage(
      `--socket-mode ${text}: not the permissions of a file`,
      'Write them as 0600 or 0660.',
    )
  }
  return Number.parseInt(text, 8)
}

function usage(message: string, hint: string): CredentialProblem {
  return new CredentialProblem('usage', message, { hint })
}
