// The arguments of PostgreSQL's own programs that say where to connect, found as getopt_long finds them.
import { basename } from 'node:path'
import type { LibpqConnection } from '../../credentials/libpq.ts'
import { isConnectionString } from '../../credentials/libpq.ts'
import { chooseEndpoints, endpointsNamed } from './keep-to-gateway.ts'

interface Grammar {
  /** Letters of options that have a value. */
  readonly letters: string
  /** Names of those that do. They may be cut short as long as they mean one option. */
  readonly names: readonly string[]
}

const psql: Grammar = {
  letters: 'cdfFhLopPRTUv',
  names: [
    ...['command', 'dbname', 'file', 'field-separator', 'host', 'log-file', 'output', 'port'],
    ...['pset', 'record-separator', 'table-attr', 'username', 'set', 'variable'],
  ],
}

/** What pg_dump, vacuumdb, pgbench and the others have in common, and what would be mistaken for it. */
const other: Grammar = { letters: 'dDeEfFhIjlLMnNpPSTtUZ', names: ['dbname', 'host', 'port'] }

const programs: ReadonlyMap<string, Grammar> = new Map([
  ['psql', psql],
  ...[
    ...['pg_dump', 'pg_dumpall', 'pg_restore', 'pg_isready', 'pg_basebackup', 'pg_receivewal'],
    ...['pg_recvlogical', 'pg_amcheck', 'vacuumdb', 'reindexdb', 'clusterdb', 'createdb', 'dropdb'],
    ...['createuser', 'dropuser', 'pgbench'],
  ].map((name) => [name, other] as const),
])

/**
 * The endpoints of the profile that a command leads to. A problem `usage` where it leads to any other server, as far
 * as that can be seen: libpq would send it the token.
 */
export function endpointsOfCommand(
  [program, ...args]: readonly [string, ...string[]],
  endpoints: LibpqConnection['endpoints'],
): LibpqConnection['endpoints'] {
  let chosen = endpoints
  const grammar = programs.get(basename(program))
  if (grammar !== undefined) {
    const { hosts, ports } = readArguments(args, grammar)
    const last = { hosts: hosts.at(-1), ports: ports.at(-1) }
    if (last.hosts !== undefined || last.ports !== undefined) chosen = chooseEndpoints(last, chosen)
  }
  const isOfPsql = grammar === psql
  for (const text of isOfPsql ? readArguments(args, psql).databases : args.flatMap(connectionIn)) {
    if (isConnectionString(text)) chosen = endpointsNamed(text, chosen)
  }
  return chosen
}

/** `postgres://...`, `--dbname=postgres://...`, `host=... dbname=...`: any argument of any program may be one. */
function connectionIn(arg: string): readonly string[] {
  const uri = /(?:^|=)(postgres(?:ql)?:\/\/.*)$/s.exec(arg)?.[1]
  if (uri !== undefined) return [uri]
  const pairs = /^(?:--?[a-z]+=?)?((?:host|hostaddr|service|dbname|user|port)\s*=.*)$/s.exec(arg)
  return /\b(?:host|hostaddr|service)\s*=/.test(pairs?.[1] ?? '') ? [pairs?.[1] ?? ''] : []
}

export interface Said {
  readonly hosts: readonly string[]
  readonly ports: readonly string[]
  /** Names of databases, or connection strings. */
  readonly databases: readonly string[]
}

export function readArguments(args: readonly string[], grammar: Grammar = psql): Said {
  const said = { hosts: [] as string[], ports: [] as string[], databases: [] as string[] }
  const keep = (option: string, value: string): void => {
    if (option === 'h' || option === 'host') said.hosts.push(value)
    else if (option === 'p' || option === 'port') said.ports.push(value)
    else if (option === 'd' || option === 'dbname') said.databases.push(value)
  }
  const operands: string[] = []
  const rest = [...args]
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--') operands.push(...rest.splice(0))
    else if (arg.startsWith('--')) readName(arg, rest, grammar, keep)
    else if (arg.startsWith('-') && arg !== '-') readLetters(arg, rest, grammar, keep)
    else operands.push(arg)
  }
  // The first is the database, unless an option says that; then it is the user, and connects nowhere else.
  return { ...said, databases: [...said.databases, ...operands.slice(0, 1)] }
}

type Keep = (option: string, value: string) => void

function readName(arg: string, rest: string[], { names }: Grammar, keep: Keep): void {
  const [, written = '', value] = /^--([^=]*)(?:=(.*))?$/s.exec(arg) ?? []
  // Where it is cut short too much the program does not take it; here it may be any of those.
  const meant = names.includes(written)
    ? [written]
    : names.filter((name) => name.startsWith(written))
  if (meant.length === 0) return
  const given = value ?? rest.shift() ?? ''
  for (const name of meant) keep(name, given)
}

function readLetters(arg: string, rest: string[], { letters }: Grammar, keep: Keep): void {
  for (let index = 1; index < arg.length; index++) {
    const letter = arg.charAt(index)
    if (!letters.includes(letter)) continue
    keep(letter, index + 1 < arg.length ? arg.slice(index + 1) : (rest.shift() ?? ''))
    return
  }
}
